import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Route } from '../../server/config/config.ts'
import type { Handler } from '../support/http-upstream.ts'
import { openCall, readAll, startHttpUpstream } from '../support/http-upstream.ts'
import { eventually, startRawUpstream } from '../support/raw.ts'
import { route, startWorld } from '../support/world.ts'

const setUp = async (t: TestContext, origin: string, over: Partial<Route> = {}) => {
  const world = await startWorld(t, { routes: () => [route('/api/x', origin, over)] })
  const user = await world.loggedIn()
  const open = (options: Parameters<typeof openCall>[3] = {}) =>
    openCall(world, user, '/api/x', options)
  return { world, user, open }
}

const withHandler = async (t: TestContext, handler: Handler, over: Partial<Route> = {}) =>
  setUp(t, (await startHttpUpstream(t, handler)).origin, over)

const timeouts = (over: Partial<Route['timeoutMs']>): Partial<Route> => ({
  timeoutMs: { connect: 2_000, firstByte: 25_000, idle: 55_000, ...over },
})

test('upstream › refuses the connection (HTTP-15.6.3-a) › 502, the body says nothing of it', async (t) => {
  const { user } = await setUp(t, 'http://127.0.0.1:1')
  const answer = await user.call('/api/x')
  assert.equal(answer.status, 502)
  assert.equal(answer.json()['code'], 'upstream_unreachable')
  assert.doesNotMatch(answer.text, /127\.0\.0\.1|ECONN/)
})

test('upstream › no first byte (HTTP-15.6.5-a) › 504', async (t) => {
  const { user } = await withHandler(t, () => undefined, timeouts({ firstByte: 200 }))
  const answer = await user.call('/api/x')
  assert.equal(answer.status, 504)
  assert.equal(answer.json()['code'], 'upstream_timeout')
})

test('upstream › no connection in time (HTTP-15.6.5-a) › 504', async (t) => {
  // TEST-NET-1 (RFC 5737) answers nobody; where the network says so at once, the call is unreachable instead.
  const { user } = await setUp(t, 'http://192.0.2.1:9', timeouts({ connect: 200 }))
  const answer = await user.call('/api/x')
  assert.ok([502, 504].includes(answer.status), answer.text)
})

test('upstream › silent in the middle of its answer › the client is cut, not ended', async (t) => {
  const { open } = await withHandler(
    t,
    (_req, res) => {
      res.setHeader('Content-Length', 100)
      res.write('half')
    },
    timeouts({ idle: 200 }),
  )
  const { outgoing, answered } = await open()
  outgoing.end()
  await assert.rejects(readAll(await answered), { code: 'ECONNRESET' })
})

for (const framing of ['content-length', 'chunked'] as const)
  test(`upstream › dies within a ${framing} answer (MSG-8-a) › the client is cut, not ended`, async (t) => {
    const { open } = await withHandler(t, (_req, res) => {
      if (framing === 'content-length') res.setHeader('Content-Length', 1_000)
      res.write('a part', () => res.destroy())
    })
    const { outgoing, answered } = await open()
    outgoing.end()
    await assert.rejects(readAll(await answered), { code: 'ECONNRESET' })
  })

/** Answers no HTTP client should believe; R21, HTTP-15.6.3-a, MSG-6.3-b. */
const garbage: readonly (readonly [string, string])[] = [
  ['not HTTP', 'SSH-2.0-OpenSSH_9.9\r\n'],
  [
    'TE and CL',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n',
  ],
  ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc'],
  ['a length that is none', 'HTTP/1.1 200 OK\r\nContent-Length: 3x\r\n\r\nabc'],
  ['a switch nobody asked for', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n'],
  ['a control character', 'HTTP/1.1 200 OK\r\nX-A: a\u0001b\r\nContent-Length: 0\r\n\r\n'],
  ['a header of 1 MB', `HTTP/1.1 200 OK\r\nX-A: ${'a'.repeat(1_000_000)}\r\n\r\n`],
  ['nothing, and the end', ''],
]

for (const [name, bytes] of garbage)
  test(`upstream › answers with ${name} (R21, MSG-6.3-b) › 502, one attempt`, async (t) => {
    const upstream = await startRawUpstream(t, (socket) => socket.end(bytes, 'latin1'))
    const { user } = await setUp(t, upstream.origin)
    const headers = await user.csrf()
    const answer = await user.call('/api/x', { method: 'POST', headers, body: 'once' })
    assert.equal(answer.status, 502, answer.text)
    assert.equal(answer.json()['code'], 'upstream_unreachable')
    assert.equal(upstream.connections.length, 1)
  })

test('upstream › bytes after its answer (R21) › never part of the next one', async (t) => {
  const answers = ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\nevil']
  const upstream = await startRawUpstream(t, (socket, soFar) => {
    if (soFar.endsWith('\r\n\r\n')) socket.write(answers[0] ?? '')
  })
  const { user } = await setUp(t, upstream.origin)
  for (let calls = 0; calls < 3; calls += 1) {
    const answer = await user.call('/api/x')
    assert.equal(answer.text, 'ok')
  }
})

test('client › goes away while the upstream works › the upstream hears of it', async (t) => {
  let gone = false
  const { open } = await withHandler(t, (_req, res) => {
    res.once('close', () => (gone = true))
    res.write('first')
  })
  const { outgoing, answered } = await open()
  outgoing.end()
  const answer = await answered
  await new Promise((resolve) => answer.once('data', resolve))
  outgoing.destroy()
  await eventually('the upstream request is cancelled', () => gone)
})

test('client › goes away in the middle of its upload › the upstream sees no whole request', async (t) => {
  const state = { started: false, cut: false, ended: false }
  const { open } = await withHandler(t, (req) => {
    state.started = true
    req.on('error', () => (state.cut = true))
    req.on('end', () => (state.ended = true))
    req.resume()
  })
  const { outgoing } = await open({ method: 'POST' })
  outgoing.on('error', () => undefined)
  outgoing.write('half')
  await eventually('the upload has begun', () => state.started)
  outgoing.destroy()
  await eventually('the upload is cut', () => state.cut)
  assert.equal(state.ended, false)
})
