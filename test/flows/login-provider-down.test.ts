import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import type { Answer } from '../support/browser.ts'
import {
  assertRefusedLogin,
  authorizationRequest,
  codeOf,
  openCallback,
  pendingCallback,
} from '../support/login-steps.ts'
import type { ScriptedIssuer } from '../support/scripted-issuer.ts'
import { spyBackend } from '../support/spy-backend.ts'
import { startWorld } from '../support/world.ts'

const assertUnavailable = (answer: Answer): void => {
  assertRefusedLogin(answer, 503, 'idp_unavailable')
  assert.match(answer.headers['retry-after'] ?? '', /^[1-9]\d*$/)
}

const badMetadata: Record<string, (issuer: ScriptedIssuer) => unknown> = {
  'the issuer with a slash more (OIDCD-4.3-a, FAPI-5.3.3.1-d)': ({ issuer }) => ({
    issuer: `${issuer}/`,
  }),
  'another issuer (OIDCD-4.3-a)': () => ({ issuer: 'https://evil.test' }),
  'no issuer (OIDCD-4.3-a)': () => ({ issuer: undefined }),
  'no authorization endpoint': () => ({ authorization_endpoint: undefined }),
  'an authorization endpoint that is no address': () => ({ authorization_endpoint: 'nowhere' }),
  'an authorization endpoint that is script': () => ({
    authorization_endpoint: 'javascript:alert(1)',
  }),
  'no token endpoint': () => ({ token_endpoint: undefined }),
  'no jwks_uri': () => ({ jwks_uri: undefined }),
  'a jwks_uri that is a file': () => ({ jwks_uri: 'file:///etc/passwd' }),
  'a userinfo endpoint that is no address': () => ({ userinfo_endpoint: 'nowhere' }),
  'an end session endpoint that is script': () => ({ end_session_endpoint: 'javascript:alert(1)' }),
  'only symmetric ID token algorithms': () => ({
    id_token_signing_alg_values_supported: ['HS256', 'none'],
  }),
}

for (const [name, bend] of Object.entries(badMetadata))
  test(`login › metadata with ${name} › 503 idp_unavailable, a way back, no login stored`, async (t) => {
    const spy = spyBackend()
    const world = await startWorld(t, { backend: spy.backend })
    world.issuer.script.alterMetadata = (metadata) =>
      Object.assign({}, metadata, bend(world.issuer))
    const answer = await world.newBrowser().visit('/login?return_to=/orders')
    assertUnavailable(answer)
    assert.match(answer.text, /href="\/login\?return_to=%2Forders"/)
    assert.equal(spy.count('putLogin'), 0)
  })

const answering =
  (status: number, body: string, type = 'application/json') =>
  (res: ServerResponse) => {
    res.writeHead(status, { 'Content-Type': type }).end(body)
  }

const brokenDiscovery: Record<string, (res: ServerResponse) => unknown> = {
  'cuts the connection': (res) => res.destroy(),
  'answers 500': answering(500, '{}'),
  'answers 404': answering(404, ''),
  'answers with HTML': answering(200, '<h1>Hello</h1>', 'text/html'),
  'answers with a JSON array': answering(200, '[]'),
  'answers with 5 MB': answering(200, `{"x":"${'x'.repeat(5_000_000)}"}`),
  redirects: (res) => res.writeHead(302, { Location: '/elsewhere' }).end(),
}

for (const [name, breaks] of Object.entries(brokenDiscovery))
  test(`login › the metadata's address ${name} › 503 idp_unavailable, nothing followed; it heals`, async (t) => {
    const world = await startWorld(t)
    const { script } = world.issuer
    const heal = script.interceptPublic
    script.interceptPublic = (_path, res) => breaks(res) !== null
    const user = world.newBrowser()
    assertUnavailable(await user.visit('/login'))
    assert.deepEqual(new Set(world.issuer.paths), new Set(['/.well-known/openid-configuration']))
    script.interceptPublic = heal
    await user.navigate('/login')
    assert.equal((await user.session())['authenticated'], true)
  })

test('login › metadata an hour old, its address broken › the login goes on with what is known', async (t) => {
  const world = await startWorld(t)
  await world.loggedIn()
  world.issuer.script.interceptPublic = (path, res) =>
    path !== '/jwks' && answering(200, '<h1>Hello</h1>', 'text/html')(res) === undefined
  world.clock.advance(7_200)
  for (let logins = 0; logins < 3; logins += 1)
    assert.equal((await world.newBrowser().visit('/login')).status, 303)
  assert.equal(world.issuer.state.discoveryRequests, 2)
})

test('login › the provider is down, then heals › 503, then the login', async (t) => {
  const world = await startWorld(t)
  const { script } = world.issuer
  const heal = script.alterMetadata
  script.alterMetadata = () => {
    throw new Error('down')
  }
  const user = world.newBrowser()
  assertUnavailable(await user.visit('/login'))
  assertUnavailable(await user.visit('/login'))
  script.alterMetadata = heal
  await user.navigate('/login')
  assert.equal((await user.session())['authenticated'], true)
})

test('login › the provider goes down after it was known › the request still leads there', async (t) => {
  const world = await startWorld(t)
  await authorizationRequest(world.newBrowser())
  world.issuer.close()
  world.clock.advance(7_200)
  assert.equal((await world.newBrowser().visit('/login')).status, 303)
})

const broken: Record<string, (res: ServerResponse) => unknown> = {
  'cuts the connection': (res) => res.destroy(),
  'answers 500': answering(500, '{"error":"server_error"}'),
  'answers 502 with HTML': answering(502, '<h1>Bad gateway</h1>', 'text/html'),
  'answers 503': answering(503, ''),
  'answers 429': answering(429, '{"error":"slow_down"}'),
  'answers 200 with HTML': answering(200, '<h1>Login</h1>', 'text/html'),
  'answers 200 with half a JSON': answering(200, '{"access_token":"x"'),
  'answers 5 MB': answering(200, `{"access_token":"${'x'.repeat(5_000_000)}"}`),
}

for (const [name, breaks] of Object.entries(broken))
  test(`callback › the token endpoint ${name} › 503 idp_unavailable, no session; it heals (R15, R28)`, async (t) => {
    const spy = spyBackend()
    const world = await startWorld(t, { backend: spy.backend })
    const { script } = world.issuer
    const heal = script.interceptToken
    script.interceptToken = (_req, res) => breaks(res) !== null
    const user = world.newBrowser()
    const answer = await openCallback(user, await pendingCallback(user, '/login?return_to=/orders'))
    assertUnavailable(answer)
    assert.match(answer.text, /href="\/login\?return_to=%2Forders"/)
    assert.equal(spy.count('create'), 0)
    script.interceptToken = heal
    assert.equal((await user.navigate('/login')).url, `${world.origin}/`)
    assert.equal((await user.session())['authenticated'], true)
  })

test('callback › the token endpoint hangs › 503 when OIDC_TIMEOUT_MS is over', async (t) => {
  const world = await startWorld(t, {
    config: (config) => ({ ...config, tenant: { ...config.tenant, timeoutMs: 300 } }),
  })
  const hanging: ServerResponse[] = []
  world.issuer.script.interceptToken = (_req, res) => hanging.push(res) > 0
  const user = world.newBrowser()
  const startedMs = performance.now()
  assertUnavailable(await openCallback(user, await pendingCallback(user)))
  assert.ok(performance.now() - startedMs < 5_000)
  for (const res of hanging) res.destroy()
})

for (const [verb, name] of [
  ['takeLogin', 'at the callback'],
  ['create', 'when the session is stored'],
] as const)
  test(`callback › the store is down ${name} › 503 store_unavailable, no session cookie (R28)`, async (t) => {
    const spy = spyBackend()
    const world = await startWorld(t, { backend: spy.backend })
    const user = world.newBrowser()
    const callback = await pendingCallback(user)
    spy.down.add(verb)
    const answer = await openCallback(user, callback)
    assert.equal(answer.status, 503)
    assert.equal(codeOf(answer), 'store_unavailable')
    assert.equal(answer.headers['set-cookie'], undefined)
    assert.match(answer.text, /<a class="button" href="\//)
  })

test('callback › the store fails at the session record alone › no session cookie, no session (R28)', async (t) => {
  const spy = spyBackend()
  const world = await startWorld(t, {
    backend: {
      ...spy.backend,
      create: async (id, kind, sealed, life) => {
        if (kind === 'session') spy.down.add('create')
        const failing = spy.backend.create(id, kind, sealed, life)
        return await failing.finally(() => spy.down.delete('create'))
      },
    },
  })
  const user = world.newBrowser()
  const answer = await openCallback(user, await pendingCallback(user))
  assert.equal(codeOf(answer), 'store_unavailable')
  assert.equal(answer.headers['set-cookie'], undefined)
  assert.equal((await user.session())['authenticated'], false)
})

test('login › the store is down › 503 store_unavailable, no cookie', async (t) => {
  const spy = spyBackend()
  const world = await startWorld(t, { backend: spy.backend })
  spy.down.add('all')
  const answer = await world.newBrowser().visit('/login')
  assert.equal(answer.status, 503)
  assert.equal(codeOf(answer), 'store_unavailable')
  assert.equal(answer.headers['set-cookie'], undefined)
})
