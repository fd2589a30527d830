import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Requirement } from '../../server/config/config.ts'
import { asIssuer, asTenantId } from '../../server/core/ids.ts'
import { tenantSecrets } from '../../server/session/tenant-keys.ts'
import type { ReadyConfig } from '../../server/config/ready-config.ts'
import { capturedLog } from '../support/captured-log.ts'
import { ask, asksAllowed } from '../support/forward-auth.ts'
import { spyBackend } from '../support/spy-backend.ts'
import { loginsAre, mfa, startStrictWorld, stepUpUrl } from '../support/step-up.ts'
import { route } from '../support/world.ts'

/** As pino writes it. */
const info = 30

type Rule = readonly [
  name: string,
  require: Requirement,
  method: string,
  status: number,
  code: string | undefined,
]

const rules: readonly Rule[] = [
  ['a role that the user has', { roles: { any: ['x', 'orders-read'] } }, 'GET', 200, undefined],
  ['a role that the user has not', { roles: { any: ['x'] } }, 'GET', 403, 'forbidden_role'],
  ['a role for writing, GET', { roles: { write: ['orders-write'] } }, 'GET', 200, undefined],
  ['a role for writing, HEAD', { roles: { write: ['orders-write'] } }, 'HEAD', 200, undefined],
  ['a role for writing, POST', { roles: { write: ['orders-write'] } }, 'POST', 403, 'forbidden_role'],
  ['a role for writing, DELETE', { roles: { write: ['orders-write'] } }, 'DELETE', 403, 'forbidden_role'],
  ['a role for reading, POST', { roles: { read: ['x'] } }, 'POST', 200, undefined],
  ['scopes that were granted', { scopes: ['email', 'openid'] }, 'GET', 200, undefined],
  ['a scope that was not granted', { scopes: ['openid', 'orders'] }, 'GET', 403, 'insufficient_scope'],
  ['another acr', { acr: [mfa] }, 'GET', 401, 'step_up_required'],
  ['this acr', { acr: [mfa, 'pwd'] }, 'GET', 200, undefined],
  ['a younger login', { maxAgeSeconds: 60 }, 'GET', 401, 'step_up_required'],
  ['a login of that age', { maxAgeSeconds: 7_200 }, 'GET', 200, undefined],
] // prettier-ignore

for (const [name, require, method, status, code] of rules)
  test(`require › ${name} (V7.5.3, OIDC-3.1.3.7-12, OIDC-3.1.3.7-13) › ${status}, and the same by /forward-auth`, async (t) => {
    const { world, user } = await startStrictWorld(t, require)
    const headers = await user.csrf()
    const answer = await user.call('/api/x', { method, headers })
    assert.equal(answer.status, status, answer.text)
    const own = { ...headers, cookie: user.cookieHeader(), 'sec-fetch-site': 'same-origin' }
    const asked = await ask(world.origin, { method, path: '/api/x', headers: own })
    assert.equal(asked.status, status === 200 ? 204 : status)
    assert.equal(world.upstream.seen.length, status === 200 ? 1 : 0)
    if (code === undefined) return
    for (const { text, headers: sent, json } of [answer, asked]) {
      assert.equal(json()['code'], code, text)
      assert.match(sent['content-type'] ?? '', /^application\/problem\+json/)
    }
    assert.equal(asked.headers.authorization, undefined)
    assert.equal(asked.json()['login_url'], answer.json()['login_url'])
  })

test("require › nobody is logged in, or another site's call › the refusals before stand before", async (t) => {
  const { world, user } = await startStrictWorld(t, { roles: { any: ['x'] } })
  const stranger = await world.newBrowser().call('/api/x')
  assert.equal(stranger.json()['code'], 'login_required')
  const foreign = await user.call('/api/x', { headers: { 'sec-fetch-site': 'cross-site' } })
  assert.equal(foreign.json()['code'], 'cross_site')
  const forged = await user.call('/api/x', { method: 'POST' })
  assert.equal(forged.json()['code'], 'csrf_missing')
})

test('require › a body that is too large, and a spent rate › the rules stand before 413 and 429', async (t) => {
  const require = { roles: { write: ['x'] } }
  const limits = { rate: { calls: 1, seconds: 60 } }
  const { user } = await startStrictWorld(t, undefined, {
    routes: ({ origin }) => [route('/api/x', origin, { require, bodyLimitBytes: 2, limits })],
  })
  const headers = await user.csrf()
  for (let calls = 0; calls < 3; calls += 1) {
    const answer = await user.call('/api/x', { method: 'POST', headers, body: 'too long' })
    assert.deepEqual([answer.status, answer.json()['code']], [403, 'forbidden_role'])
  }
})

test('require › a public route that was given rules all the same › needs a login', async (t) => {
  const { world } = await startStrictWorld(t, undefined, {
    routes: ({ origin }) => [
      route('/api/x', origin, { require: { roles: { any: ['x'] } }, public: true, token: 'none' }),
    ],
  })
  const answer = await world.newBrowser().call('/api/x')
  assert.deepEqual([answer.status, answer.json()['code']], [401, 'login_required'])
})

test("require › the session of another tenant than the route's › 403 forbidden_tenant", async (t) => {
  const { backend } = spyBackend()
  const id = asTenantId('other')
  // The record says tenant `default`, under the keys of the other tenant: as if nothing but the comparison kept them apart.
  const withOtherKeys = (base: ReadyConfig): ReadyConfig => ({
    ...base,
    session: { ...base.session, ...tenantSecrets(base.session, id) },
  })
  const first = await startStrictWorld(t, { acr: ['pwd'] }, { backend, config: withOtherKeys })
  const config = (base: ReadyConfig): ReadyConfig => ({
    ...asksAllowed(base),
    // At the same issuer: a session of another one opens nothing.
    tenant: { ...base.tenant, id, issuer: asIssuer(first.world.issuer.issuer) },
  })
  const second = await startStrictWorld(t, { acr: ['pwd'] }, { backend, config })
  const headers = { cookie: first.user.cookieHeader(), 'sec-fetch-site': 'same-origin' }
  const answer = await second.world.newBrowser().call('/api/x', { headers })
  assert.deepEqual([answer.status, answer.json()['code']], [403, 'forbidden_tenant'])
})

for (const [granted, status] of [
  ['openid orders', 200],
  ['openid', 403],
  [undefined, 200],
] as const)
  test(`require › scopes, and a token answer with scope ${granted ?? 'left out'} (RFC 6749 5.1) › ${status}`, async (t) => {
    const { world } = await startStrictWorld(t, { scopes: ['orders'] }, {
      config: (base) => ({ ...base, tenant: { ...base.tenant, scope: 'openid orders' } }),
    }) // prettier-ignore
    world.issuer.script.alterTokenAnswer = (answer) => ({ ...answer, scope: granted })
    const user = await world.loggedIn()
    assert.equal((await user.call('/api/x')).status, status)
    // What a refresh does not say stays as it was.
    world.issuer.script.alterTokenAnswer = (answer) => ({ ...answer, scope: undefined })
    world.clock.advance(301)
    await user.call('/api')
    assert.equal(world.issuer.grants('refresh_token'), 1)
    assert.equal((await user.call('/api/x')).status, status)
  })

test("require › scopes on a route with a token of its own › that token's count, fetched once", async (t) => {
  const { world, user } = await startStrictWorld(t, undefined, {
    routes: ({ origin }) => [
      route('/api/x', origin, { scope: 'orders', require: { scopes: ['orders'] } }),
    ],
  })
  world.issuer.script.alterTokenAnswer = (answer) => ({ ...answer, scope: undefined })
  for (let calls = 0; calls < 3; calls += 1) assert.equal((await user.call('/api/x')).status, 200)
  assert.equal(world.issuer.grants('refresh_token'), 1)
})

for (const [role, code] of [
  ['orders-write', 'forbidden_role'],
  ['orders-read', undefined],
] as const)
  test(`require › a WebSocket, and ${role} for writing › ${code ?? 'goes to the API'}: it could write`, async (t) => {
    const { world, user } = await startStrictWorld(t, { roles: { write: [role] } })
    world.upstream.upgradeWith((_req, socket) => {
      socket.end('HTTP/1.1 418 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
    })
    const headers = {
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==',
      origin: world.origin,
    }
    const answer = await user.call('/api/x', { headers })
    assert.equal(world.upstream.seen.length, code === undefined ? 1 : 0)
    if (code !== undefined) assert.deepEqual([answer.status, answer.json()['code']], [403, code])
    const own = { ...headers, cookie: user.cookieHeader() }
    const asked = await ask(world.origin, { path: '/api/x', headers: own })
    assert.equal(asked.status, code === undefined ? 204 : 403)
  })

test('require › a session that grows too old for a route (V7.5.3) › 401, and 200 again after the login it asks for', async (t) => {
  const { world, user } = await startStrictWorld(t, { maxAgeSeconds: 900 })
  loginsAre(world, { secondsAgo: 0 })
  await user.navigate(await stepUpUrl(user), 'same-origin')
  assert.equal((await user.call('/api/x')).status, 200)
  world.clock.advance(902)
  await stepUpUrl(user)
})

test('require › a navigation to a route that needs more › a page with the way to it, no redirect', async (t) => {
  const { user } = await startStrictWorld(t, { acr: [mfa] })
  const answer = await user.visit('/api/x', 'same-origin')
  assert.equal(answer.status, 401)
  assert.match(answer.text, /<dd>step_up_required<\/dd>/)
  assert.match(answer.text, /href="\/login\?return_to=%2F&amp;step_up=[A-Za-z0-9_-]{22}"/)
})

test('require › a role that is missing, and scopes of a token that is not there yet › 403 forbidden_role, and the provider is not asked', async (t) => {
  const require = { roles: { any: ['x'] }, scopes: ['orders'] }
  const { world, user } = await startStrictWorld(t, undefined, {
    routes: ({ origin }) => [route('/api/x', origin, { require, audience: 'orders' })],
  })
  const answer = await user.call('/api/x')
  assert.deepEqual([answer.status, answer.json()['code']], [403, 'forbidden_role'])
  assert.equal(world.issuer.grants('refresh_token'), 0)
})

test('require › a refusal › one line of the log, shown unless LOG_LEVEL is above info, says by which rule, what was asked and what the person had', async (t) => {
  const { log, text } = capturedLog()
  const { user } = await startStrictWorld(t, { roles: { any: ['x'] } }, { log })
  const answer = await user.call('/api/x')
  const line = text().split('\n').find((each) => each.includes('refused by the rules')) ?? '{}' // prettier-ignore
  const said = JSON.parse(line) as Record<string, unknown>
  const { code, reason, route: path, method, request_id: id, sub, asks, has } = said
  assert.equal(said['level'], info)
  assert.deepEqual(
    [code, reason, path, method, id, sub],
    ['forbidden_role', 'none_of_any', '/api/x', 'GET', answer.json()['request_id'], 'user-1'],
  )
  assert.deepEqual(asks, { roles: { any: ['x'] } })
  assert.deepEqual((has as Record<string, unknown>)['roles'], ['orders-read'])
})
