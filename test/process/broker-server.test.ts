import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { brokerServer, drainServer, serve } from '../../server/broker-server.ts'
import type { Broker } from '../../server/create-broker.ts'
import { send } from '../support/browser.ts'
import { listen } from '../support/world.ts'
import { until } from './parts.ts'

/** A broker that answers everything with its name for the event. */
const echo: Broker = {
  handler: (_req, res) => void res.end('handled'),
  checkContinue: (_req, res) => void res.end('continued'),
  upgrade: (_req, socket) => void socket.end('HTTP/1.1 418 upgrade\r\n\r\n'),
  drain: () => undefined,
  goAway: () => undefined,
  reload: () => Promise.resolve(),
  close: () => Promise.resolve(),
}

const start = async (t: TestContext) => {
  const server = brokerServer()
  const port = await listen(server)
  t.after(() => drainServer(server, { graceMs: 0, lingerMs: 0 }))
  return { server, port }
}

const startEcho = async (t: TestContext): Promise<number> => {
  const { server, port } = await start(t)
  serve(server, echo)
  return port
}

/** All bytes that come back for these bytes. */
const exchange = async (t: TestContext, port: number, bytes: string): Promise<string> => {
  const socket = connect(port, 'localhost')
  t.after(() => void socket.destroy())
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  socket.on('error', () => undefined)
  socket.write(bytes)
  await once(socket, 'close')
  return text
}

test('brokerServer › its timeouts › outlast a router that keeps connections for 90 s', () => {
  const { keepAliveTimeout, headersTimeout, requestTimeout } = brokerServer()
  assert.deepEqual([keepAliveTimeout, headersTimeout, requestTimeout], [95_000, 96_000, 0])
})

const host = 'Host: a\r\n'
const post = `POST / HTTP/1.1\r\n${host}Content-Length: 5\r\n`
const refused: readonly (readonly [what: string, bytes: string, status: number])[] = [
  ['no HTTP', 'hello\r\n\r\n', 400],
  ['a bad version', 'GET / HTTP/9.9\r\n\r\n', 400],
  ['a space before the colon', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n', 400],
  ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
  ['two lengths, R21', `${post}Content-Length: 2\r\n\r\n`, 400],
  ['length and chunks, R21', `${post}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
  ['headers of 64 kB, R27', `GET / HTTP/1.1\r\n${host}X-A: ${'x'.repeat(65_536)}\r\n\r\n`, 431],
]

for (const [what, bytes, status] of refused)
  test(`brokerServer › ${what} › ${status}, once, and the connection closes`, async (t) => {
    const text = await exchange(t, await startEcho(t), bytes)
    assert.match(text, new RegExp(`^HTTP/1\\.1 ${status} `))
    assert.match(text, /\r\nConnection: close\r\n/i)
    assert.equal(text.match(/HTTP\/1\.1/g)?.length, 1)
  })

for (const [what, bytes, status] of refused.slice(0, 1).concat(refused.slice(-1)))
  test(`brokerServer › ${what} › the ${status} says in its body what was wrong, and is not stored`, async (t) => {
    const [head = '', body = ''] = (await exchange(t, await startEcho(t), bytes)).split('\r\n\r\n')
    assert.match(head, /\r\nContent-Type: application\/problem\+json/)
    assert.match(head, /\r\nCache-Control: no-store/)
    const problem = JSON.parse(body) as Record<string, unknown>
    assert.equal(problem['status'], status)
    assert.equal(problem['code'], 'invalid_request')
    assert.equal(problem['type'], 'urn:latchkey:problem:invalid_request')
    assert.match(head, new RegExp(`\r\nX-Request-Id: ${String(problem['request_id'])}`))
    assert.match(head, new RegExp(`\r\nContent-Length: ${Buffer.byteLength(body)}`))
  })

test('brokerServer › an upgrade to websocket › goes to the broker', async (t) => {
  const head = `GET / HTTP/1.1\r\n${host}Connection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n`
  assert.match(await exchange(t, await startEcho(t), head), / 418 /)
})

test('brokerServer › an upgrade to h2c › is answered as if it had not asked', async (t) => {
  const port = await startEcho(t)
  const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AA' }
  const answer = await send(`http://localhost:${port}/`, { headers })
  assert.deepEqual([answer.status, answer.text], [200, 'handled'])
})

test('serve › a request that came before the broker was there › is answered by it', async (t) => {
  const { server, port } = await start(t)
  let arrived = false
  server.on('request', () => {
    arrived = true
  })
  const early = send(`http://localhost:${port}/`)
  await until(() => arrived)
  serve(server, echo)
  assert.equal((await early).text, 'handled')
})
