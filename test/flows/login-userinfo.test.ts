import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { assertRefusedLogin, openCallback, pendingCallback } from '../support/login-steps.ts'
import { scriptedClient } from '../support/scripted-issuer.ts'
import type { World } from '../support/world.ts'
import { startWorld } from '../support/world.ts'

type Json = Record<string, unknown>
type Answering = (res: ServerResponse, world: World) => unknown

const bare = { name: undefined, email: undefined, roles: undefined }
const grace = { sub: 'user-1', name: 'Grace', email: 'grace@example.test', roles: ['admin'] }

const json =
  (value: unknown, status = 200, type = 'application/json'): Answering =>
  (res) =>
    res.writeHead(status, { 'Content-Type': type }).end(JSON.stringify(value))

/** Signed by the issuer for us, with what the test changes. */
const signed =
  (change: Json = {}, alter = (token: string) => token): Answering =>
  async (res, { issuer }) => {
    const claims = { iss: issuer.issuer, aud: scriptedClient.id, ...grace, ...change }
    const token = alter(await issuer.sign(claims))
    res.writeHead(200, { 'Content-Type': 'application/jwt' }).end(token)
  }

/** A provider that keeps name, email and roles for its UserInfo endpoint. */
const setUp = async (t: TestContext, answering: Answering, idTokenClaims: Json = bare) => {
  const world = await startWorld(t, {
    config: (config) => ({
      ...config,
      tenant: { ...config.tenant, timeoutMs: 500 },
      session: { ...config.session, claims: ['locale'] },
    }),
  })
  const asked: (string | undefined)[] = []
  world.issuer.script.idTokenClaims = idTokenClaims
  world.issuer.script.userInfo = (req: IncomingMessage, res: ServerResponse) => {
    asked.push(req.headers.authorization)
    return answering(res, world)
  }
  return { world, asked }
}

const shown = async (world: World): Promise<Json> => {
  const session = await (await world.loggedIn()).session()
  assert.equal(session['authenticated'], true)
  return { ...(session['user'] as Json), roles: session['roles'] }
}

test('userinfo › the ID token leaves out name, email and roles › /session has them, asked for once with the access token', async (t) => {
  const { world, asked } = await setUp(t, json({ ...grace, locale: 'en', extra: 'x' }))
  assert.deepEqual(await shown(world), { ...grace, locale: 'en' })
  assert.equal(asked.length, 1)
  assert.match(asked[0] ?? '', /^Bearer at-/)
})

test('userinfo › the ID token has all that a session shows › the endpoint is not asked', async (t) => {
  const { world, asked } = await setUp(t, json(grace), { locale: 'de' })
  assert.equal((await shown(world))['name'], 'Ada Example')
  assert.equal(asked.length, 0)
})

test('userinfo › both say something › the ID token stands', async (t) => {
  const { world } = await setUp(t, json({ ...grace, locale: 'en' }), { email: undefined })
  assert.deepEqual(await shown(world), {
    sub: 'user-1',
    name: 'Ada Example',
    email: 'grace@example.test',
    roles: ['orders-read'],
    locale: 'en',
  })
})

test('userinfo › acr, auth_time or sid in its answer › they are not believed: only an ID token says how somebody logged in', async (t) => {
  const answer = { ...grace, acr: 'gold', auth_time: 1_700_000_000, sid: 'x' }
  const { world } = await setUp(t, json(answer))
  const session = await (await world.loggedIn()).session()
  assert.equal(session['acr'], undefined)
  assert.equal(session['auth_time'], undefined)
})

const others: Readonly<Record<string, Answering>> = {
  'another sub': json({ ...grace, sub: 'user-2' }),
  'no sub': json({ ...grace, sub: undefined }),
  'a sub in a list': json({ ...grace, sub: ['user-1'] }),
  'another sub, signed': signed({ sub: 'user-2' }),
}

for (const [name, answering] of Object.entries(others))
  test(`userinfo › ${name} (OIDC-5.3.2-a) › login_failed, no session, the refresh token is revoked`, async (t) => {
    const { world } = await setUp(t, answering)
    const user = world.newBrowser()
    assertRefusedLogin(await openCallback(user, await pendingCallback(user)), 400, 'login_failed')
    assert.equal((await user.session())['authenticated'], false)
    assert.equal(world.issuer.grants('authorization_code'), 1)
    assert.equal(world.issuer.revoked.length, 1)
  })

test('userinfo › signed by the issuer for us (OIDC-5.3.4-a) › its claims are taken', async (t) => {
  const { world } = await setUp(t, signed())
  assert.deepEqual(await shown(world), grace)
})

const useless: Readonly<Record<string, Answering>> = {
  'a status 500': json(grace, 500),
  'a status 401': json(grace, 401),
  'a redirect': (res) => res.writeHead(302, { Location: '/userinfo?again' }).end(),
  'a cut connection': (res) => res.destroy(),
  'no answer in time': () => undefined,
  'an HTML page': json(grace, 200, 'text/html'),
  'a JSON array': json([grace]),
  'half a JSON': (res) =>
    res.writeHead(200, { 'Content-Type': 'application/json' }).end('{"sub":"user-1"'),
  'a body of 5 MB': json({ ...grace, more: 'x'.repeat(5_000_000) }),
  'a bent signature (OIDC-5.3.4-a)': signed({}, (token) => `${token.slice(0, -8)}AAAAAAAA`),
  'no signature (OIDC-5.3.4-a)': signed({}, (token) => {
    const header = Buffer.from('{"alg":"none"}').toString('base64url')
    return `${header}.${token.split('.')[1] ?? ''}.`
  }),
  'another issuer (OIDC-5.3.4-a)': signed({ iss: 'https://evil.test' }),
  'another audience (OIDC-5.3.4-a)': signed({ aud: 'evil' }),
  'five parts, as if encrypted': signed({}, () => 'a.b.c.d.e'),
}

for (const [name, answering] of Object.entries(useless))
  test(`userinfo › ${name} › nothing of it is taken, the login succeeds without`, async (t) => {
    const { world, asked } = await setUp(t, answering)
    assert.deepEqual(await shown(world), { sub: 'user-1', roles: [] })
    assert.equal(asked.length, 1)
  })

test('userinfo › an ID token with the wrong nonce (SBCP-4.5-a) › the endpoint is not asked', async (t) => {
  const { world, asked } = await setUp(t, json(grace), { ...bare, nonce: 'x' })
  const user = world.newBrowser()
  assertRefusedLogin(await openCallback(user, await pendingCallback(user)), 400, 'login_failed')
  assert.equal(asked.length, 0)
})
