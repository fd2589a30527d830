import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Route } from '../../server/config/config.ts'
import { openCall, readAll } from '../support/http-upstream.ts'
import { eventually } from '../support/raw.ts'
import { route, startWorld } from '../support/world.ts'

const challenge = 'Basic realm="x, error=", Bearer realm="api", error="invalid_token"'

/** A world whose API calls the tokens named here invalid. */
const setUp = async (t: TestContext, over: Partial<Route> = {}) => {
  const world = await startWorld(t, {
    routes: ({ origin }) => [route('/api/x', origin, over), route('/api/small', origin, { bodyLimitBytes: 100 })], // prettier-ignore
  })
  const user = await world.loggedIn()
  await user.call('/api/x')
  const first = world.upstream.last().headers.authorization ?? ''
  const rejected = new Set([first])
  world.upstream.seen.length = 0
  world.upstream.answerWith(({ headers: { authorization = '' } }, res, body) => {
    const refused = rejected.has('every one') || rejected.has(authorization)
    if (refused) res.writeHead(401, { 'WWW-Authenticate': challenge }).end('refused here')
    else res.end(`taken: ${body}`)
  })
  const tokens = () => world.upstream.seen.map(({ headers }) => headers.authorization)
  const refreshes = () => world.issuer.grants('refresh_token')
  return { world, user, first, rejected, tokens, refreshes }
}

const calls: readonly (readonly [method: string, body: string | undefined])[] = [
  ['GET', undefined],
  ['DELETE', undefined],
  ['POST', 'once or twice'],
  ['PUT', 'x'.repeat(65_536)],
]

for (const [method, body] of calls)
  test(`invalid_token › ${method} with ${body?.length ?? 0} bytes (BT-3.1-a) › one refresh, one replay, the same request`, async (t) => {
    const { world, user, first, tokens, refreshes } = await setUp(t)
    const length = { 'content-length': String(body?.length ?? 0) }
    const headers = { ...(await user.csrf()), ...(body !== undefined && length) }
    const answer = await user.call('/api/x?a=%2F', { method, headers, ...(body !== undefined && { body }) }) // prettier-ignore
    assert.equal(answer.status, 200, answer.text)
    assert.equal(answer.text, `taken: ${body ?? ''}`)
    assert.equal(refreshes(), 1)
    const [rejected, replayed, more] = world.upstream.seen
    assert.equal(more, undefined)
    assert.equal(tokens()[0], first)
    assert.match(tokens()[1] ?? '', /^Bearer at-/)
    assert.notEqual(tokens()[1], first)
    const without = (seen: typeof rejected) =>
      seen && { ...seen, rawHeaders: [], headers: { ...seen.headers, authorization: '' } }
    assert.deepEqual(without(replayed), without(rejected))
  })

test('invalid_token › 20 calls at once (BT-3.1-a) › one refresh, all of them served', async (t) => {
  const { user, refreshes } = await setUp(t)
  const answers = await Promise.all(Array.from({ length: 20 }, () => user.call('/api/x')))
  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
  assert.equal(refreshes(), 1)
})

test("invalid_token › of every token (BT-3.1-a) › at most one replay, then the API's own 401", async (t) => {
  const { user, rejected, tokens, refreshes } = await setUp(t)
  rejected.add('every one')
  for (let call = 1; call <= 3; call += 1) {
    const answer = await user.call('/api/x')
    assert.equal(answer.status, 401)
    assert.equal(answer.text, 'refused here')
    assert.equal(answer.headers['www-authenticate'], undefined)
  }
  assert.equal(refreshes(), 1)
  assert.equal(tokens().length, 4)
  assert.equal((await user.session())['authenticated'], true)
})

for (const framing of ['chunked', 'content-length'] as const)
  test(`invalid_token › an upload that was not held, ${framing} (BT-3.1-a) › its 401 passes, the next call has a new token`, async (t) => {
    const { world, user, first, tokens, refreshes } = await setUp(t)
    const body = Buffer.alloc(70_000)
    const length = { 'content-length': String(body.length) }
    const { outgoing, answered } = await openCall(world, user, '/api/x', {
      method: 'POST',
      headers: framing === 'chunked' ? {} : length,
    })
    outgoing.end(body)
    const answer = await answered
    assert.equal(answer.statusCode, 401)
    assert.equal((await readAll(answer)).toString(), 'refused here')
    await eventually('the refresh was asked for', () => refreshes() === 1)
    assert.equal((await user.call('/api/x')).status, 200)
    assert.equal(refreshes(), 1)
    assert.notEqual(tokens().at(-1), first)
  })

test('invalid_token › on a route without a token (BT-3.1-a) › no refresh, no replay', async (t) => {
  const { user, rejected, tokens, refreshes } = await setUp(t, { token: 'none' })
  rejected.add('every one')
  assert.equal((await user.call('/api/x')).status, 401)
  assert.deepEqual(tokens(), [undefined])
  assert.equal(refreshes(), 0)
})

const others: readonly (readonly [name: string, status: number, challenge: string | undefined])[] =
  [
    ['insufficient_scope', 403, 'Bearer error="insufficient_scope"'],
    ['invalid_token in a 403', 403, challenge],
    ['no challenge', 401, undefined],
    ['another scheme', 401, 'Basic error="invalid_token"'],
    ['another error', 401, 'Bearer error="invalid_request"'],
  ]

for (const [name, status, value] of others)
  test(`upstream › ${status} with ${name} (BT-3.1-a) › passes as it is, no refresh`, async (t) => {
    const { world, user, tokens, refreshes } = await setUp(t)
    world.upstream.answerWith((_req, res) => {
      if (value !== undefined) res.setHeader('WWW-Authenticate', value)
      res.writeHead(status).end('its own words')
    })
    const answer = await user.call('/api/x')
    assert.equal(answer.status, status)
    assert.equal(answer.text, 'its own words')
    assert.equal(tokens().length, 1)
    assert.equal(refreshes(), 0)
  })

test('invalid_token › the refresh says invalid_grant (BT-3.1-a) › 401 session_expired with a login_url', async (t) => {
  const { world, user } = await setUp(t)
  world.issuer.script.interceptToken = (_req, res) => {
    res.writeHead(400, { 'Content-Type': 'application/json' })
    res.end('{"error":"invalid_grant"}')
    return true
  }
  const answer = await user.call('/api/x')
  assert.equal(answer.status, 401)
  assert.equal(answer.json()['code'], 'session_expired')
  assert.equal(typeof answer.json()['login_url'], 'string')
  assert.match(answer.headers['www-authenticate'] ?? '', /^Session /)
  assert.equal((await user.session())['authenticated'], false)
})

for (const [name, end] of [
  ['open', undefined],
  ['closed by the API', 'close'],
] as const)
  test(`invalid_token › the provider is away, the connection ${name} (BT-3.1-a) › the API's own 401, whole`, async (t) => {
    const { world, user } = await setUp(t)
    const long = 'y'.repeat(300_000)
    world.upstream.answerWith((_req, res) => {
      if (end !== undefined) res.setHeader('Connection', end)
      res.writeHead(401, { 'WWW-Authenticate': challenge }).end(long)
    })
    world.issuer.script.delayMs = 150
    world.issuer.script.interceptToken = (_req, res) => {
      res.writeHead(503).end()
      return true
    }
    const answer = await user.call('/api/x')
    assert.equal(answer.status, 401)
    assert.equal(answer.text, long)
    assert.equal((await user.session())['authenticated'], true)
  })

test('invalid_token › the client goes away meanwhile (BT-3.1-a) › no replay, the token is saved', async (t) => {
  const { world, user, tokens, refreshes } = await setUp(t)
  world.issuer.script.delayMs = 150
  const { outgoing, answered } = await openCall(world, user, '/api/x')
  outgoing.on('error', () => undefined)
  outgoing.end()
  await eventually('the refresh has begun', () => refreshes() === 1)
  outgoing.destroy()
  await assert.rejects(answered)
  await eventually('the next call has the new token', () => tokens().length === 1)
  assert.equal((await user.call('/api/x')).status, 200)
  assert.equal(refreshes(), 1)
})
