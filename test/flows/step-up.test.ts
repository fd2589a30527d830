import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  authorizationRequest,
  codeOf,
  openCallback,
  pendingCallback,
} from '../support/login-steps.ts'
import { spyBackend } from '../support/spy-backend.ts'
import type { SealedLogin } from '../../server/session/backend.ts'
import type { Browser } from '../support/browser.ts'
import { send } from '../support/browser.ts'
import { loginsAre, mfa, startStrictWorld, stepUpUrl } from '../support/step-up.ts'

const cookieOf = (user: Browser): string => user.cookies().get('session')?.value ?? ''
const asked = ({ searchParams }: URL) => [
  searchParams.get('acr_values'),
  searchParams.get('max_age'),
]

test('step-up › the login_url (STEP-4-a) › carries a handle alone, and the provider gets acr_values and max_age', async (t) => {
  const { user } = await startStrictWorld(t, { acr: [mfa, 'urn:hwk'], maxAgeSeconds: 300 })
  const url = await stepUpUrl(user)
  assert.match(url, /^\/login\?return_to=%2F&step_up=[A-Za-z0-9_-]{22}$/)
  const request = await authorizationRequest(user, url)
  assert.deepEqual(asked(request), [`${mfa} urn:hwk`, '300'])
  assert.equal(request.searchParams.get('claims'), null)
})

const referrers: readonly (readonly [referrer: string, returnTo: string])[] = [
  ['ORIGIN/orders/7?tab=2#top', '/orders/7?tab=2'],
  ['ORIGIN/', '/'],
  ['https://evil.test/x', '/'],
  ['ORIGIN.evil.test/x', '/'],
  ['ORIGIN//evil.test/x', '/'],
  ['ORIGIN/logout?return_to=/x', '/'],
  ['ORIGIN/login', '/'],
  [`ORIGIN/${'x'.repeat(3_000)}`, '/'],
  ['no address', '/'],
]

test('step-up › where the app was › return_to is the Referer on our own origin, and else /', async (t) => {
  const { world, user } = await startStrictWorld(t, { acr: [mfa] })
  for (const [referrer, returnTo] of referrers) {
    const url = await stepUpUrl(user, '/api/x', {
      referer: referrer.replace('ORIGIN', world.origin),
    })
    assert.equal(new URL(url, world.origin).searchParams.get('return_to'), returnTo, referrer)
  }
})

test('step-up › 30 calls of one session (R29) › one handle; another session has another', async (t) => {
  const { world, user } = await startStrictWorld(t, { acr: [mfa] })
  const urls = await Promise.all(Array.from({ length: 30 }, () => stepUpUrl(user)))
  assert.equal(new Set(urls).size, 1)
  assert.notEqual(await stepUpUrl(await world.loggedIn()), urls[0])
})

test('step-up › done as asked (V7.5.3, STEP-4-a) › back where the app was, the call passes, a new session, the old one dead', async (t) => {
  const { world, user } = await startStrictWorld(t, { acr: [mfa], maxAgeSeconds: 300 })
  const before = cookieOf(user)
  const url = await stepUpUrl(user, '/api/x', { referer: `${world.origin}/orders` })
  loginsAre(world, { acr: mfa, secondsAgo: 0 })
  const landed = await user.navigate(url, 'same-origin')
  assert.equal(landed.url, `${world.origin}/orders`)
  assert.equal((await user.call('/api/x')).status, 200)
  assert.notEqual(cookieOf(user), before)
  const headers = { cookie: `session=${before}`, 'sec-fetch-site': 'same-origin' }
  const old = await send(`${world.origin}/api/x`, { headers })
  assert.deepEqual([old.status, codeOf(old)], [401, 'session_revoked'])
})

type Weak = readonly [name: string, acr: string | undefined, secondsAgo: number | undefined]
const weak: readonly Weak[] = [
  ['the same acr again', 'pwd', 0],
  ['no acr', undefined, 0],
  ['an acr that only begins alike', `${mfa}2`, 0],
  ['the acr, of a login too old', mfa, 3_600],
  ['the acr, and no auth_time', mfa, undefined],
]

for (const [name, acr, secondsAgo] of weak)
  test(`step-up › answered with ${name} (OIDC-3.1.3.7-12, OIDC-3.1.3.7-13, R29) › login_failed, and the session is as it was`, async (t) => {
    const { world, user } = await startStrictWorld(t, { acr: [mfa], maxAgeSeconds: 300 })
    const cookie = cookieOf(user)
    const before = await user.session()
    const url = await stepUpUrl(user)
    loginsAre(world, { acr, secondsAgo })
    const answer = await user.navigate(url, 'same-origin')
    assert.deepEqual([answer.status, codeOf(answer)], [400, 'login_failed'])
    const left = (session: Record<string, unknown>) => ({
      ...session,
      expires_in: 0,
      absolute_expires_in: 0,
    })
    assert.equal(cookieOf(user), cookie)
    assert.deepEqual(left(await user.session()), left(before))
    assert.equal(await stepUpUrl(user), url)
    assert.equal((await user.call('/api')).status, 200)
    // The tokens of the weak login are held by nobody.
    if (secondsAgo === 0) assert.equal(world.issuer.revoked.length, 1)
  })

test('step-up › answered too weakly, OIDC_PROFILE=keycloak (R29) › nothing is revoked: the session would lose its grant', async (t) => {
  const { world, user } = await startStrictWorld(
    t,
    { acr: [mfa] },
    { config: (base) => ({ ...base, tenant: { ...base.tenant, profile: 'keycloak' } }) },
  )
  const url = await stepUpUrl(user)
  const answer = await user.navigate(url, 'same-origin')
  assert.deepEqual([answer.status, codeOf(answer)], [400, 'login_failed'])
  assert.deepEqual(world.issuer.revoked, [])
  assert.equal(await stepUpUrl(user), url)
})

test("step-up › somebody else's handle (R29) › with a session nothing is asked for; without one, a plain login", async (t) => {
  const { world, user } = await startStrictWorld(t, { acr: [mfa] })
  const url = await stepUpUrl(user, '/api/x', { referer: `${world.origin}/orders` })
  const other = await world.loggedIn()
  const answer = await other.visit(url, 'same-origin')
  assert.deepEqual([answer.status, answer.headers.location], [303, '/orders'])
  assert.deepEqual(asked(await authorizationRequest(world.newBrowser(), url)), [null, null])
  // From another site the Strict cookie is not there either.
  const crossSite = await user.visit(url, 'cross-site')
  assert.deepEqual(asked(new URL(crossSite.headers.location ?? '')), [null, null])
  assert.deepEqual(asked(await authorizationRequest(user, url)), [mfa, null])
})

test('step-up › a handle after ten minutes › the app calls again for a new one', async (t) => {
  const { world, user } = await startStrictWorld(t, { acr: [mfa] })
  const url = await stepUpUrl(user)
  world.clock.advance(601)
  assert.equal((await user.visit(url, 'same-origin')).headers.location, '/')
  assert.equal(await stepUpUrl(user), url)
  assert.deepEqual(asked(await authorizationRequest(user, url)), [mfa, null])
})

test('step-up › a handle that nobody made › 400, or nothing is asked for', async (t) => {
  const { user } = await startStrictWorld(t, { acr: [mfa] })
  for (const bad of [
    '',
    'x',
    'x'.repeat(23),
    `${'x'.repeat(21)}:`,
    `${'x'.repeat(22)}&step_up=y`,
  ]) {
    const answer = await user.visit(`/login?step_up=${bad}`, 'same-origin')
    assert.deepEqual([answer.status, codeOf(answer)], [400, 'invalid_parameter'], bad)
  }
  const guessed = await user.visit(`/login?step_up=${'x'.repeat(22)}`, 'same-origin')
  assert.deepEqual([guessed.status, guessed.headers.location], [303, '/'])
})

test('step-up › two tabs at once (R29) › both come back, and the session is the stronger one', async (t) => {
  const { world, user } = await startStrictWorld(t, { acr: [mfa] })
  const url = await stepUpUrl(user)
  loginsAre(world, { acr: mfa })
  const first = await pendingCallback(user, url)
  const second = await pendingCallback(user, url)
  for (const callback of [first, second]) {
    assert.equal((await openCallback(user, callback)).headers.location, '/')
    assert.equal((await user.call('/api/x')).status, 200)
  }
})

test('step-up › a second tab, when the first is done (R29) › goes back to the app, which is served', async (t) => {
  const { world, user } = await startStrictWorld(t, { acr: [mfa] })
  const url = await stepUpUrl(user)
  loginsAre(world, { acr: mfa })
  await user.navigate(url, 'same-origin')
  const answer = await user.visit(url, 'same-origin')
  assert.deepEqual([answer.status, answer.headers.location], [303, '/'])
  assert.equal((await user.call('/api/x')).status, 200)
})

test('step-up › as another person (R29) › a new login: nothing of the old session stays', async (t) => {
  const { world, user } = await startStrictWorld(t, { acr: [mfa] })
  const before = cookieOf(user)
  const csrfBefore = await user.csrf()
  await user.call('/api')
  const tokenBefore = world.upstream.last().headers.authorization
  const url = await stepUpUrl(user)
  loginsAre(world, { acr: mfa })
  world.issuer.script.subject = 'user-2'
  world.issuer.script.idTokenClaims = {
    ...world.issuer.script.idTokenClaims,
    roles: [],
    name: 'Bob',
  }
  await user.navigate(url, 'same-origin')
  const session = await user.session()
  assert.deepEqual(session['user'], { sub: 'user-2', name: 'Bob', email: 'ada@example.test' })
  assert.deepEqual(session['roles'], [])
  assert.notEqual(cookieOf(user), before)
  assert.notDeepEqual(await user.csrf(), csrfBefore)
  await user.call('/api/x')
  assert.notEqual(world.upstream.last().headers.authorization, tokenBefore)
  const headers = { cookie: `session=${before}`, 'sec-fetch-site': 'same-origin' }
  assert.equal(codeOf(await send(`${world.origin}/api`, { headers })), 'session_revoked')
})

test('step-up › what the store sees (R29) › neither the demand nor the session id', async (t) => {
  const spy = spyBackend()
  const { world, user } = await startStrictWorld(t, { acr: [mfa] }, { backend: spy.backend })
  const url = await stepUpUrl(user)
  await user.visit(url, 'same-origin')
  const sessionId = decodeURIComponent(cookieOf(user)).replace(/^s:/, '').split('.')[0] ?? ''
  assert.equal(sessionId.length, 43)
  for (const text of spy.keyTexts()) assert.ok(!text.includes(sessionId) && !text.includes(mfa))
  const logins = spy.calls.filter(({ verb }) => verb === 'putLogin')
  assert.equal(logins.length, 3)
  for (const { args } of logins)
    // The third argument of putLogin.
    for (const part of Object.values(args[2] as SealedLogin))
      if (Buffer.isBuffer(part)) assert.ok(!part.includes(sessionId) && !part.includes(mfa))
  assert.equal((await world.newBrowser().visit(url)).status, 303)
})

test('step-up › the store is down when a handle is to be kept › 503, and the session is kept', async (t) => {
  const spy = spyBackend()
  const { user } = await startStrictWorld(t, { acr: [mfa] }, { backend: spy.backend })
  spy.down.add('putLogin')
  const answer = await user.call('/api/x')
  assert.deepEqual([answer.status, answer.json()['code']], [503, 'store_unavailable'])
  spy.down.clear()
  await stepUpUrl(user)
})

test('step-up › acr_values of OIDC_AUTH_PARAMS › stand for an ordinary login, and give way to a step-up', async (t) => {
  const { user } = await startStrictWorld(
    t,
    { acr: [mfa] },
    {
      config: (base) => ({
        ...base,
        tenant: { ...base.tenant, authParams: { acr_values: 'usual', max_age: '10000' } },
      }),
    },
  )
  const usual = await authorizationRequest(user, '/login?prompt=login')
  assert.deepEqual(asked(usual), ['usual', '10000'])
  assert.deepEqual(asked(await authorizationRequest(user, await stepUpUrl(user))), [mfa, '10000'])
})
