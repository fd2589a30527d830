import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, asksAllowed } from '../support/forward-auth.ts'
import { capturedLog } from '../support/captured-log.ts'
import { sendJson } from '../support/plain-http.ts'
import { eventually } from '../support/raw.ts'
import { startSecondBroker } from '../support/second-broker.ts'
import { spyBackend } from '../support/spy-backend.ts'
import { limit, refuseTokens, startKinds, tokenOtherThan } from './token-kinds-world.ts'

test("service › calls of two people › one grant, the client's own token, nothing of theirs in it", limit, async (t) => {
  const { world, user, services, tokenAt } = await startKinds(t)
  const first = await tokenAt('/service/x')
  const other = await world.loggedIn()
  assert.equal((await other.call('/service/x')).status, 200)
  assert.equal(world.upstream.last().headers.authorization, `Bearer ${first ?? ''}`)
  assert.match(first ?? '', /^cc-/)
  assert.equal(services().length, 1)
  assert.deepEqual(Object.fromEntries(services()[0] ?? []), {
    grant_type: 'client_credentials',
    audience: 'stock',
    scope: 'stock.read',
  })
  assert.equal((await user.call('/service/x')).status, 200)
}) // prettier-ignore

test('service › nobody is logged in, or a forged write › refused, and no grant is asked for', limit, async (t) => {
  const { world, user, services } = await startKinds(t)
  const stranger = await world.newBrowser().call('/service/x')
  assert.deepEqual([stranger.status, stranger.json()['code']], [401, 'login_required'])
  const forged = await user.call('/service/x', { method: 'POST' })
  assert.deepEqual([forged.status, forged.json()['code']], [403, 'csrf_missing'])
  assert.equal(services().length, 0)
}) // prettier-ignore

test('service › 40 calls at once on two brokers (SBCP-4.14-a) › one grant in the cluster', limit, async (t) => {
  const { world, user, script, services } = await startKinds(t)
  const second = await startSecondBroker(t, world)
  script.delayMs = 100
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, i) =>
      i % 2 === 0 ? user.call('/service/x') : second.call(user, '/service/x'),
    ),
  )
  assert.ok(answers.every(({ status }) => status === 200))
  assert.equal(services().length, 1)
  assert.equal(new Set(world.upstream.seen.map(({ headers }) => headers.authorization)).size, 1)
}) // prettier-ignore

test('service › near its end › renewed behind the old one, once; the other broker finds the new one', limit, async (t) => {
  const { world, user, script, services, tokenAt } = await startKinds(t)
  const second = await startSecondBroker(t, world)
  const old = await tokenAt('/service/x')
  await second.call(user, '/service/x')
  world.clock.advance(280)
  script.delayMs = 200
  assert.equal(await tokenAt('/service/x'), old)
  const renewed = await tokenOtherThan(old, () => tokenAt('/service/x'))
  const there = await tokenOtherThan(old, async () => {
    await second.call(user, '/service/x')
    return world.upstream.last().headers.authorization?.replace('Bearer ', '')
  })
  assert.equal(there, renewed)
  assert.equal(services().length, 2)
}) // prettier-ignore

const away = (status: number, headers: Record<string, string> = {}) =>
  ({
    name: `${status}`,
    intercept: (res: Parameters<typeof sendJson>[0]) => {
      for (const [name, value] of Object.entries(headers)) res.setHeader(name, value)
      sendJson(res, status, { error: 'temporarily_unavailable' })
      return true
    },
  }) as const

for (const { name, intercept } of [
  away(503, { 'Retry-After': '7' }),
  away(500),
  away(429),
  {
    name: 'a cut connection',
    intercept: (res: Parameters<typeof sendJson>[0]) => {
      res.destroy()
      return true
    },
  },
])
  test(`service › the provider answers ${name} › the token at hand serves; then 503 with Retry-After; then well again`, limit, async (t) => {
    const { world, user, script, services, tokenAt } = await startKinds(t)
    const old = await tokenAt('/service/x')
    script.intercept = intercept
    world.clock.advance(280)
    assert.equal(await tokenAt('/service/x'), old)
    await eventually('the grant that fails', () => services().length === 2)
    for (let calls = 0; calls < 5; calls += 1) assert.equal(await tokenAt('/service/x'), old)
    assert.equal(services().length, 2)
    world.clock.advance(30)
    const answer = await user.call('/service/x')
    assert.deepEqual([answer.status, answer.json()['code']], [503, 'idp_unavailable'])
    assert.ok(Number(answer.headers['retry-after']) >= 1)
    const asked = services().length
    for (let calls = 0; calls < 5; calls += 1)
      assert.equal((await user.call('/service/x')).status, 503)
    assert.equal(services().length, asked)
    assert.equal((await user.call('/api/x')).status, 200)
    script.intercept = () => false
    world.clock.advance(31)
    assert.notEqual(await tokenAt('/service/x'), old)
  }) // prettier-ignore

test('service › an API that calls the token invalid › one renewal, the call again; then its own word', limit, async (t) => {
  const { world, user, services, tokenAt } = await startKinds(t)
  const old = await tokenAt('/service/x')
  refuseTokens(world, (token) => token === old)
  assert.notEqual(await tokenAt('/service/x'), old)
  assert.equal(services().length, 2)
  refuseTokens(world, () => true)
  for (let calls = 0; calls < 4; calls += 1)
    assert.equal((await user.call('/service/x')).status, 401)
  assert.equal(services().length, 2)
}) // prettier-ignore

for (const [error, hint] of [
  ['unauthorized_client', 'allow it in its registration'],
  ['invalid_scope', 'may not ask for scope'],
  ['invalid_target', 'does not know audience or resource'],
] as const)
  test(`service › ${error} (RFC 6749 5.2) › 502 token_refused, a line that tells what to mend, asked again later only`, limit, async (t) => {
    const { log, text } = capturedLog()
    const { world, user, script, services } = await startKinds(t, { log })
    script.intercept = (res) => {
      sendJson(res, 400, { error })
      return true
    }
    for (let calls = 0; calls < 5; calls += 1) {
      const answer = await user.call('/service/x')
      assert.deepEqual([answer.status, answer.json()['code']], [502, 'token_refused'])
      assert.ok(!answer.text.includes(error))
    }
    assert.equal(services().length, 1)
    assert.ok(text().includes(hint))
    script.intercept = () => false
    world.clock.advance(61)
    assert.equal((await user.call('/service/x')).status, 200)
  }) // prettier-ignore

test('service › the store cannot be written to › the granted token serves this process all the same', limit, async (t) => {
  const store = spyBackend()
  const { services, tokenAt } = await startKinds(t, { backend: store.backend })
  store.down.add('put')
  const token = await tokenAt('/service/x')
  assert.equal(await tokenAt('/service/x'), token)
  assert.equal(services().length, 1)
}) // prettier-ignore

test('service › what the store holds of it › neither the token nor a name', limit, async (t) => {
  const store = spyBackend()
  const { tokenAt } = await startKinds(t, { backend: store.backend })
  const token = (await tokenAt('/service/x')) ?? ''
  const puts = store.calls.filter(({ verb }) => verb === 'put').flatMap(({ args }) => args)
  const text = puts.map((arg) => (Buffer.isBuffer(arg) ? arg.toString('latin1') : String(arg))).join('\n') // prettier-ignore
  assert.ok(puts.length > 0)
  for (const word of [token, 'stock', 'access_token']) assert.ok(!text.includes(word))
}) // prettier-ignore

test("service, exchange › /forward-auth asks › 204 with the same token that a proxied call gets", limit, async (t) => {
  const { world, user, tokenAt } = await startKinds(t, { config: asksAllowed })
  for (const path of ['/service/x', '/exchange/x']) {
    const headers = { cookie: user.cookieHeader(), 'sec-fetch-site': 'same-origin' }
    const asked = await ask(world.origin, { path, headers })
    assert.equal(asked.status, 204)
    assert.equal(asked.headers.authorization, `Bearer ${(await tokenAt(path)) ?? ''}`)
  }
}) // prettier-ignore
