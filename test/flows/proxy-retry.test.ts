import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Route } from '../../server/config/config.ts'
import { openCall } from '../support/http-upstream.ts'
import { startRawUpstream } from '../support/raw.ts'
import { route, startWorld } from '../support/world.ts'

const nobody = 'http://127.0.0.1:1'

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** An upstream that breaks its first connections off once a request is there, and answers on the later ones. */
const startShaky = (t: TestContext, failures: number, fail: (socket: Socket) => void) => {
  const met = new Set<Socket>()
  return startRawUpstream(t, (socket, soFar) => {
    if (!soFar.includes('\r\n\r\n')) return
    met.add(socket)
    if (met.size <= failures) fail(socket)
    else socket.write(ok)
  })
}

const setUp = async (t: TestContext, origin: string, over: Partial<Route> = {}) => {
  const world = await startWorld(t, { routes: () => [route('/api/x', origin, over)] })
  const user = await world.loggedIn()
  const headers = await user.csrf()
  const call = (method: string, body?: string) =>
    user.call('/api/x', { method, headers, ...(body !== undefined && { body }) })
  return { world, user, headers, call }
}

const failures: readonly (readonly [name: string, fail: (socket: Socket) => void])[] = [
  ['closed', (socket) => void socket.end()],
  ['reset', (socket) => void socket.resetAndDestroy()],
]

type Row = readonly [method: string, body: string | undefined, attempts: number]

/** RFC 9110 section 9.2.2. */
const methods: readonly Row[] = [
  ['GET', undefined, 2],
  ['HEAD', undefined, 2],
  ['OPTIONS', undefined, 2],
  ['PUT', 'a short body', 2],
  ['DELETE', undefined, 2],
  ['POST', 'a short body', 1],
  ['POST', undefined, 1],
  ['PATCH', 'a short body', 1],
]

for (const [how, fail] of failures)
  for (const [method, body, attempts] of methods)
    test(`retry › ${method}${body === undefined ? '' : ' with a body'}, the connection ${how} (MSG-9.3.1-a) › ${attempts} attempts`, async (t) => {
      const upstream = await startShaky(t, 1, fail)
      const { call } = await setUp(t, upstream.origin)
      const answer = await call(method, body)
      assert.equal(answer.status, attempts === 2 ? 200 : 502, answer.text)
      assert.equal(upstream.connections.length, attempts)
      const [first, second] = upstream.connections
      if (attempts === 2) assert.equal(second?.text, first?.text)
    })

for (const [retryIdempotent, attempts] of [
  [0, 1],
  [1, 2],
  [3, 4],
] as const)
  test(`retry › idempotent: ${retryIdempotent}, every connection fails (MSG-9.3.1-a) › ${attempts} attempts, 502`, async (t) => {
    const upstream = await startShaky(t, 99, (socket) => void socket.end())
    const { call } = await setUp(t, upstream.origin, { retryIdempotent })
    const answer = await call('GET')
    assert.equal(answer.status, 502)
    assert.equal(answer.json()['code'], 'upstream_unreachable')
    assert.equal(upstream.connections.length, attempts)
  })

test('retry › one of two upstreams refuses connections (MSG-9.3.1-a) › the other serves every GET, and a POST that meets it is sent once', async (t) => {
  for (const [method, first] of [
    ['GET', 200],
    ['POST', 502],
  ] as const) {
    const other = await startShaky(t, 0, () => undefined)
    const { call } = await setUp(t, nobody, { upstreams: [nobody, other.origin] })
    assert.equal((await call(method)).status, first)
    // Known to be down by now, so passed over.
    assert.equal((await call(method)).status, 200)
    assert.equal((await call(method)).status, 200)
  }
})

test('retry › a body that is not held (MSG-9.3.1-a) › sent once', async (t) => {
  for (const framing of ['chunked', 'content-length'] as const) {
    const upstream = await startShaky(t, 1, (socket) => void socket.resetAndDestroy())
    const { world, user } = await setUp(t, upstream.origin)
    const body = Buffer.alloc(70_000)
    const { outgoing, answered } = await openCall(world, user, '/api/x', {
      method: 'PUT',
      headers: framing === 'chunked' ? {} : { 'content-length': String(body.length) },
    })
    outgoing.on('error', () => undefined)
    outgoing.end(body)
    assert.equal((await answered).statusCode, 502)
    assert.equal(upstream.connections.length, 1)
  }
})

test('retry › no first byte in time (MSG-9.3.1-a) › 504 after one attempt', async (t) => {
  const upstream = await startRawUpstream(t, () => undefined)
  const timeoutMs = { connect: 2_000, firstByte: 200, idle: 55_000 }
  const { call } = await setUp(t, upstream.origin, { timeoutMs })
  assert.equal((await call('GET')).status, 504)
  assert.equal(upstream.connections.length, 1)
})

for (const [name, bytes] of [
  ['no HTTP', 'SSH-2.0-x\r\n'],
  ['half an answer', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'],
] as const)
  test(`retry › the upstream answers with ${name} (MSG-9.3.1-a) › one attempt`, async (t) => {
    const upstream = await startShaky(t, 99, (socket) => void socket.end(bytes))
    const { call } = await setUp(t, upstream.origin)
    await call('GET').catch(() => undefined)
    assert.equal(upstream.connections.length, 1)
  })

test('retry › the upstream closes a kept connection as the next call comes (MSG-9.3.1-a) › a GET is served, a POST is sent once', async (t) => {
  for (const [method, status] of [
    ['GET', 200],
    ['POST', 502],
  ] as const) {
    const seen: string[] = []
    const upstream = await startRawUpstream(t, (socket, soFar) => {
      if (!soFar.endsWith('\r\n\r\n')) return
      seen.push(soFar)
      const requests = soFar.match(/ HTTP\/1\.1\r\n/g)?.length ?? 0
      // The second request on one connection meets a closed one.
      if (requests > 1) socket.resetAndDestroy()
      else socket.write(ok)
    })
    const { call } = await setUp(t, upstream.origin)
    assert.equal((await call('GET')).status, 200)
    assert.equal((await call(method)).status, status)
    assert.equal(seen.length, status === 200 ? 3 : 2)
  }
})
