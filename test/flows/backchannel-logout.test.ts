import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { send } from '../support/browser.ts'
import { spyBackend } from '../support/spy-backend.ts'
import { scriptedClient } from '../support/scripted-issuer.ts'
import type { World } from '../support/world.ts'
import { startWorld } from '../support/world.ts'

type Json = Record<string, unknown>

const event = 'http://schemas.openid.net/event/backchannel-logout'
const seconds = () => Math.floor(Date.now() / 1_000)

/** A logout token as the issuer sends it, with what the test changes; undefined takes a claim away. */
const logoutToken = (world: World, change: Json = {}, header: Json = {}): Promise<string> => {
  const claims: Json = {
    iss: world.issuer.issuer,
    aud: scriptedClient.id,
    iat: seconds(),
    exp: seconds() + 120,
    jti: randomUUID(),
    sid: 'op-session-1',
    events: { [event]: {} },
    ...change,
  }
  const kept = Object.fromEntries(Object.entries(claims).filter(([, v]) => v !== undefined))
  return world.issuer.sign(kept, { typ: 'logout+jwt', ...header })
}

const post = (world: World, token: string, body = new URLSearchParams({ logout_token: token })) =>
  send(`${world.origin}/backchannel-logout`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: body.toString(),
  })

const isLoggedIn = async (user: Awaited<ReturnType<World['loggedIn']>>): Promise<boolean> =>
  (await user.session())['authenticated'] === true

const startLoggedIn = async (t: TestContext) => {
  const world = await startWorld(t)
  return { world, user: await world.loggedIn() }
}

test('backchannel-logout › by sid › 200, the session is over, its cookie is told session_revoked (BCL-2.4-a)', async (t) => {
  const { world, user } = await startLoggedIn(t)
  const answer = await post(world, await logoutToken(world))
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['cache-control'], 'no-store', 'BCL-2.8-b')
  assert.equal(await isLoggedIn(user), false)
  const call = await user.call('/api/x')
  assert.equal(call.status, 401)
  assert.equal(call.json()['code'], 'session_revoked')
  assert.deepEqual(world.issuer.revoked, [])
})

test('backchannel-logout › sid or sub › one login, or all of that person, and nobody else (BCL-2.4-a)', async (t) => {
  const world = await startWorld(t)
  const login = async (sub: string, sid: string) => {
    world.issuer.script.subject = sub
    world.issuer.script.idTokenClaims = { sid }
    return await world.loggedIn()
  }
  const [phone, laptop, other] = [
    await login('user-1', 'phone'),
    await login('user-1', 'laptop'),
    await login('user-2', 'other'),
  ]
  await post(world, await logoutToken(world, { sid: 'phone', sub: 'user-1' }))
  assert.deepEqual(await Promise.all([phone, laptop, other].map(isLoggedIn)), [false, true, true])
  await post(world, await logoutToken(world, { sid: 'other', sub: 'user-1' }))
  assert.equal(await isLoggedIn(other), true)
  await post(world, await logoutToken(world, { sid: undefined, sub: 'user-1' }))
  assert.deepEqual(await Promise.all([laptop, other].map(isLoggedIn)), [false, true])
})

const refused: Readonly<Record<string, readonly [change: Json, header?: Json]>> = {
  'BCL-2.6-4 no iss': [{ iss: undefined }],
  'BCL-2.6-4 another iss': [{ iss: 'https://evil.example' }],
  'BCL-2.6-4 another aud': [{ aud: 'someone-else' }],
  'BCL-2.6-4 a stranger in aud': [{ aud: [scriptedClient.id, 'someone-else'] }],
  'BCL-2.6-4 no exp': [{ exp: undefined }],
  'BCL-2.6-4 expired': [{ exp: seconds() - 60 }],
  'BCL-2.6-4 no iat': [{ iat: undefined }],
  'BCL-2.6-4 from the future': [{ iat: seconds() + 3_600, exp: seconds() + 3_700 }],
  'BCL-4-b good for a day': [{ exp: seconds() + 86_400 }],
  'BCL-2.6-5 neither sub nor sid': [{ sid: undefined }],
  'BCL-2.6-5 a sid that is no text': [{ sid: 7 }],
  'BCL-2.6-6 no events': [{ events: undefined }],
  'BCL-2.6-6 events as an array': [{ events: [event] }],
  'BCL-2.6-6 an event that is no object': [{ events: { [event]: 'yes' } }],
  'BCL-2.6-6 an event that is an array': [{ events: { [event]: [] } }],
  'BCL-2.6-6 another event': [{ events: { 'urn:other': {} } }],
  'BCL-2.6-7 an empty nonce': [{ nonce: '' }],
  'BCL-2.6-7 nonce null': [{ nonce: null }],
  'no jti': [{ jti: undefined }],
  'BCL-4.1-a an access token': [{}, { typ: 'at+jwt' }],
  'BCL-4.1-a a DPoP proof': [{}, { typ: 'dpop+jwt' }],
  'BCL-2.6-2 an unknown kid': [{}, { kid: '../../etc/passwd' }],
}

for (const [name, [change, header]] of Object.entries(refused))
  test(`backchannel-logout › R17 ${name} › 400 invalid_request, the session stays`, async (t) => {
    const { world, user } = await startLoggedIn(t)
    const answer = await post(world, await logoutToken(world, change, header))
    assert.equal(answer.status, 400)
    assert.equal(answer.json()['error'], 'invalid_request')
    assert.equal(answer.json()['code'], 'invalid_request')
    assert.equal(answer.headers['cache-control'], 'no-store', 'BCL-2.8-b')
    assert.equal(await isLoggedIn(user), true)
  })

for (const [typ, compat, strict] of [
  ['logout+jwt', 200, 200],
  ['application/logout+jwt', 200, 200],
  ['JWT', 200, 400],
  [undefined, 200, 400],
] as const)
  test(`backchannel-logout › typ ${String(typ)} › compat ${compat}, strict ${strict} (C5)`, async (t) => {
    for (const [logoutTyp, status] of [
      ['compat', compat],
      ['strict', strict],
    ] as const) {
      const world = await startWorld(t, {
        config: (config) => ({ ...config, tenant: { ...config.tenant, logoutTyp } }),
      })
      assert.equal((await post(world, await logoutToken(world, {}, { typ }))).status, status)
    }
  })

test('backchannel-logout › R17 a bent signature, alg none, an ID token, an encrypted one, garbage (BCL-2.6-1, BCL-2.6-3) › 400 each', async (t) => {
  const { world, user } = await startLoggedIn(t)
  const good = await logoutToken(world)
  const [header = '', payload = '', signature = ''] = good.split('.')
  const headerOf = (alg: string, more: Json = {}) =>
    Buffer.from(JSON.stringify({ alg, typ: 'logout+jwt', ...more })).toString('base64url')
  const bent = `${header}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
  const idToken = await world.issuer.sign({ iss: world.issuer.issuer, aud: scriptedClient.id, sub: 'user-1', nonce: 'n', iat: seconds(), exp: seconds() + 300 }) // prettier-ignore
  const unsigned = ['none', 'None', 'NONE'].map((alg) => `${headerOf(alg)}.${payload}.`)
  const confused = `${headerOf('HS256')}.${payload}.${signature}`
  // No key for encryption is registered: whatever is inside, nobody asked for this form.
  const encrypted = `${headerOf('RSA-OAEP-256', { enc: 'A256GCM', cty: 'JWT' })}.a.b.c.d`
  const forged = [bent, ...unsigned, confused, encrypted, idToken]
  for (const token of [...forged, '', 'a.b.c', 'x'.repeat(60_000)])
    assert.equal((await post(world, token)).status, 400)
  assert.equal(await isLoggedIn(user), true)
})

test('backchannel-logout › a sid or sub that nobody here has (BCL-2.6-9) › 200: over is over', async (t) => {
  const { world, user } = await startLoggedIn(t)
  for (const change of [{ sid: 'unknown' }, { sid: undefined, sub: 'unknown' }]) {
    const answer = await post(world, await logoutToken(world, change))
    assert.deepEqual([answer.status, answer.headers['cache-control']], [200, 'no-store'])
  }
  assert.equal(await isLoggedIn(user), true)
})

test('backchannel-logout › the store is away (BCL-2.8-a) › 400 with an error, and the issuer may try again', async (t) => {
  const spy = spyBackend()
  const world = await startWorld(t, { backend: spy.backend })
  const user = await world.loggedIn()
  spy.down.add('all')
  const answer = await post(world, await logoutToken(world))
  assert.deepEqual([answer.status, answer.json()['error']], [400, 'invalid_request'])
  spy.down.clear()
  assert.equal((await post(world, await logoutToken(world))).status, 200)
  assert.equal(await isLoggedIn(user), false)
})

test('backchannel-logout › BCL-2.5-a GET, JSON, two tokens, too long › refused; other fields are ignored', async (t) => {
  const { world, user } = await startLoggedIn(t)
  const token = await logoutToken(world)
  const url = `${world.origin}/backchannel-logout`
  assert.equal((await send(url)).status, 405)
  const json = { method: 'POST', headers: { 'content-type': 'application/json' } }
  assert.equal((await send(url, { ...json, body: JSON.stringify({ logout_token: token }) })).status, 400) // prettier-ignore
  const twice = new URLSearchParams([
    ['logout_token', token],
    ['logout_token', token],
  ])
  assert.equal((await post(world, token, twice)).status, 400)
  const long = new URLSearchParams({ logout_token: token, extra: 'x'.repeat(16_384) })
  const tooLong = await post(world, token, long)
  assert.deepEqual([tooLong.status, tooLong.json()['error']], [400, 'invalid_request'])
  assert.equal(await isLoggedIn(user), true)
  const more = new URLSearchParams({ logout_token: token, extra: 'ignored' })
  assert.equal((await post(world, token, more)).status, 200)
  assert.equal(await isLoggedIn(user), false)
})

test('backchannel-logout › R17 BCL-x 300 made-up kids › one look at the keys in a minute', async (t) => {
  const world = await startWorld(t)
  await post(world, await logoutToken(world))
  const before = world.issuer.state.jwksRequests
  for (let n = 0; n < 300; n += 1) await post(world, await logoutToken(world, {}, { kid: `k${n}` }))
  assert.ok(world.issuer.state.jwksRequests - before <= 1)
})

test('backchannel-logout › any Host, no cookie, from anywhere › answered: the token speaks for itself', async (t) => {
  const { world, user } = await startLoggedIn(t)
  const answer = await send(`${world.origin}/backchannel-logout`, {
    method: 'POST',
    headers: {
      host: 'internal-name:8080',
      'sec-fetch-site': 'cross-site',
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ logout_token: await logoutToken(world) }).toString(),
  })
  assert.equal(answer.status, 200)
  assert.equal(await isLoggedIn(user), false)
})
