import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mfaClaims, tidB } from '../support/entra-facts.ts'
import { authorizationRequest } from '../support/login-steps.ts'
import { stepUpUrl } from '../support/step-up.ts'
import { limit, startEntraWorld } from './entra-world.ts'

/** An access token of 90 minutes has ended. */
const longestSeconds = 5_401

test(
  'entra › access token over › refreshed with the scope again, and the session goes on',
  limit,
  async (t) => {
    const { entra, clock, upstream, loggedIn } = await startEntraWorld(t)
    const user = await loggedIn()
    for (const round of [1, 2]) {
      clock.advance(longestSeconds)
      assert.equal((await user.call('/api/orders')).status, 200)
      assert.equal(entra.refreshes().length, round)
    }
    assert.match(upstream.last().headers.authorization ?? '', /^Bearer EwB4/)
    const [first, second] = entra.refreshes().map(({ parameters }) => parameters)
    assert.equal(first?.get('scope'), 'openid profile email offline_access')
    assert.notEqual(first.get('refresh_token'), second?.get('refresh_token'))
  },
)

test(
  'entra › the answer to a refresh is lost (C4) › the same token goes once more, and the session lives',
  limit,
  async (t) => {
    const { entra, clock, loggedIn } = await startEntraWorld(t)
    const user = await loggedIn()
    clock.advance(longestSeconds)
    entra.script.loseAnswers = 1
    assert.equal((await user.call('/api/orders')).status, 503)
    clock.advance(6)
    assert.equal((await user.call('/api/orders')).status, 200)
    const [first, again] = entra.refreshes().map(({ parameters }) => parameters.get('refresh_token')) // prettier-ignore
    assert.equal(first, again)
  },
)

const endings = [
  ['passwordChanged', 401, false],
  ['spentGrant', 401, false],
  ['consentNeeded', 401, false],
  ['mfaNeeded', 401, true],
] as const
for (const [refusal, status, lives] of endings)
  test(
    `entra › a refresh refused with ${refusal} › ${status}, and the session ${lives ? 'lives' : 'ends'}`,
    limit,
    async (t) => {
      const { entra, clock, loggedIn, log } = await startEntraWorld(t)
      const user = await loggedIn()
      clock.advance(longestSeconds)
      entra.script.refuseWith = refusal
      assert.equal((await user.call('/api/orders')).status, status)
      assert.equal((await user.session())['authenticated'], lives)
      assert.match(log(), /AADSTS\d+/)
    },
  )

test(
  'entra › a new rule asks for a second factor (STEP-4-a) › the token is used to its end, then the login asks for it, and the call passes',
  limit,
  async (t) => {
    const { origin, entra, clock, loggedIn } = await startEntraWorld(t)
    const user = await loggedIn()
    entra.script.refuseWith = 'mfaNeeded'
    clock.advance(3_590)
    assert.equal((await user.call('/api/orders')).status, 200)
    clock.advance(longestSeconds)
    const url = await stepUpUrl(user, '/api/orders', { referer: `${origin}/pay` })
    assert.match(url, /^\/login\?return_to=%2Fpay&step_up=[\w-]{22}$/)
    const asked = (await authorizationRequest(user, url)).searchParams
    assert.equal(asked.get('claims'), mfaClaims)
    assert.equal((await user.session())['authenticated'], true)
    // openid-client judges `nbf` by the machine's own clock.
    entra.script.alterClaims = (all) => ({ ...all, nbf: undefined })
    assert.equal((await user.navigate(url, 'same-origin')).url, `${origin}/pay`)
    clock.advance(longestSeconds)
    assert.equal((await user.call('/api/orders')).status, 200)
  },
)

test(
  'entra › logout › logout_hint from login_hint, no account is asked for, the front channel names sid alone',
  limit,
  async (t) => {
    const { origin, entra, upstream, loggedIn } = await startEntraWorld(t)
    entra.script.frontchannelUrl = `${upstream.origin}/frontchannel-logout`
    const user = await loggedIn()
    const answer = await user.call('/logout?return_to=/bye', {
      method: 'POST',
      headers: await user.csrf(),
    })
    const landed = await user.navigate(String(answer.json()['redirect_to']), 'same-origin')
    assert.equal(landed.url, `${origin}/bye`)
    const asked = entra.logouts[0]?.searchParams
    assert.equal(asked?.get('logout_hint'), `O.${entra.script.person?.oid ?? ''}`)
    assert.equal(asked.get('post_logout_redirect_uri'), `${origin}/logout/callback`)
    assert.match(upstream.last().url, /^\/frontchannel-logout\?sid=[0-9a-f-]{36}$/)
  },
)

test(
  'entra › prompt=none with nobody signed in › back to the app without a page in between',
  limit,
  async (t) => {
    const { origin, entra, newBrowser } = await startEntraWorld(t)
    entra.script.person = undefined
    const back = await newBrowser().navigate('/login?prompt=none&return_to=/here')
    assert.deepEqual([back.url, back.status], [`${origin}/here`, 200])
  },
)

test(
  'entra › a refresh brings the ID token of another tenant, with the same sub › the session ends',
  limit,
  async (t) => {
    const { entra, clock, loggedIn, log } = await startEntraWorld(t)
    const user = await loggedIn()
    clock.advance(longestSeconds)
    entra.script.alterClaims = (claims) => ({ ...claims, tid: tidB, iss: entra.issuerOf(tidB) })
    assert.equal((await user.call('/api/orders')).status, 401)
    assert.equal((await user.session())['authenticated'], false)
    assert.match(log(), /"reason":"other_login"/)
  },
)

test(
  'entra › claims that the ID token lacks › Graph is not asked for them, and gets no token',
  limit,
  async (t) => {
    const { entra, loggedIn } = await startEntraWorld(t)
    const { user } = await (await loggedIn()).session()
    assert.equal((user as Record<string, unknown>)['email'], undefined)
    assert.equal(entra.paths.filter((path) => path.includes('userinfo')).length, 0)
  },
)

test(
  'entra › signed out at Microsoft, told by the front channel with sid alone › the session of an allowed tenant ends',
  limit,
  async (t) => {
    const { origin, entra, loggedIn } = await startEntraWorld(t, { OIDC_FRONTCHANNEL: 'on' })
    const first = await loggedIn()
    const second = await loggedIn()
    entra.script.frontchannelUrl = `${origin}/frontchannel-logout`
    const answer = await first.call('/logout', { method: 'POST', headers: await first.csrf() })
    assert.equal((await second.session())['authenticated'], true)
    await first.navigate(String(answer.json()['redirect_to']), 'same-origin')
    assert.equal((await second.session())['authenticated'], false)
  },
)
