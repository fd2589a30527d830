import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { exportJWK, generateKeyPair } from 'jose'
import type { Browser } from '../support/browser.ts'
import { send } from '../support/browser.ts'
import { assertRefusedLogin, openCallback, pendingCallback } from '../support/login-steps.ts'
import type { ScriptedIssuer } from '../support/scripted-issuer.ts'
import { scriptedClient } from '../support/scripted-issuer.ts'
import type { World } from '../support/world.ts'

type Json = Record<string, unknown>

const isLoggedIn = async (user: Browser): Promise<boolean> =>
  (await user.session())['authenticated'] === true

/** A login that must succeed, its token good for a call. */
export const acceptsLogin = async (world: World): Promise<Browser> => {
  const user = world.newBrowser()
  const answer = await openCallback(user, await pendingCallback(user))
  assert.equal(answer.status, 303, answer.text)
  assert.equal(await isLoggedIn(user), true)
  assert.equal((await user.call('/api/x')).status, 200)
  return user
}

/** A login that must fail at its callback: no session, one token request. */
export const refusesLogin = async (world: World): Promise<void> => {
  const user = world.newBrowser()
  assertRefusedLogin(await openCallback(user, await pendingCallback(user)), 400, 'login_failed')
  assert.equal(await isLoggedIn(user), false)
  assert.equal(world.issuer.grants('authorization_code'), 1)
}

/** A refresh whose ID token has these claims over the usual ones; the status of the call that needs it. */
export const refreshed = async (world: World, claims: Json): Promise<number> => {
  world.issuer.script.accessTokenSeconds = 90
  const user = await acceptsLogin(world)
  const before = world.upstream.seen.length
  world.issuer.script.idTokenClaims = claims
  world.clock.advance(91)
  const { status } = await user.call('/api/x')
  assert.equal(world.issuer.grants('refresh_token'), 1)
  assert.equal(world.upstream.seen.length - before, status === 200 ? 1 : 0)
  assert.equal(await isLoggedIn(user), status === 200)
  return status
}

/** Signs with a new key from now on, which the issuer publishes in place of the old one, or beside it. */
export const signWithNewKey = async ({ script, sign }: ScriptedIssuer): Promise<void> => {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: randomUUID(), alg: 'RS256', use: 'sig' }
  script.alterKeys = () => [jwk]
  script.alterIdToken = (token) => sign(payloadOf(token), { kid: jwk.kid }, privateKey)
}

export const payloadOf = (token: string): Json =>
  // What the issuer itself has just signed.
  JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as Json

/** What happens on the provider's logout page, and to the address that it sends the browser back to. */
type AtTheProvider = (back: URL) => void | Promise<void>

/** Logs out at the provider and comes back with the state that the test makes of ours; where the browser ends. */
export const logoutEndsAt = async (
  world: World,
  atTheProvider: AtTheProvider = () => undefined,
): Promise<string> => {
  const user = await acceptsLogin(world)
  const headers = await user.csrf()
  const left = await user.call('/logout?return_to=/bye', { method: 'POST', headers })
  assert.equal(await isLoggedIn(user), false)
  const out = await user.visit(String(left.json()['redirect_to']), 'same-origin')
  const there = await send(out.headers.location ?? '')
  const back = new URL(there.headers.location ?? '')
  await atTheProvider(back)
  return (await user.visit(back.href, 'cross-site')).headers.location ?? ''
}

/** Posts a logout token with these changes, by this hand; the status, after looking whether the session is as it says. */
export const backchannel = async (
  world: World,
  change: Json = {},
  alter: (token: string) => string | Promise<string> = (token) => token,
): Promise<number> => {
  const user = await acceptsLogin(world)
  const now = Math.floor(Date.now() / 1_000)
  const claims: Json = {
    iss: world.issuer.issuer,
    aud: scriptedClient.id,
    iat: now,
    exp: now + 120,
    jti: randomUUID(),
    sub: 'user-1',
    sid: 'op-session-1',
    events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    ...change,
  }
  const token = await alter(await world.issuer.sign(claims, { typ: 'JWT' }))
  const answer = await send(`${world.origin}/backchannel-logout`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ logout_token: token }).toString(),
  })
  assert.equal(answer.headers['cache-control'], 'no-store')
  assert.equal(await isLoggedIn(user), answer.status !== 200)
  return answer.status
}

/** The frame on the provider's logout page, which on another site has no cookie of ours. */
export const frontchannel = async ({ origin, issuer }: World): Promise<void> => {
  const query = new URLSearchParams({ iss: issuer.issuer, sid: 'op-session-1' })
  const answer = await send(`${origin}/frontchannel-logout?${query.toString()}`, {
    headers: {
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'iframe',
      'sec-fetch-site': 'cross-site',
    },
  })
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['cache-control'], 'no-store')
}

/** The person logs out at the provider, without the app. */
export const opLogout = async (world: World): Promise<void> => {
  const user = await acceptsLogin(world)
  await frontchannel(world)
  assert.equal(await isLoggedIn(user), false)
}
