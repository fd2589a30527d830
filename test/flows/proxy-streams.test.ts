import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Handler } from '../support/http-upstream.ts'
import { openCall, readAll, startHttpUpstream } from '../support/http-upstream.ts'
import { appHeaders, openDoor, openRaw, requestText } from '../support/raw.ts'
import { route, startWorld } from '../support/world.ts'

const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex')

const setUp = async (t: TestContext, handler: Handler) => {
  const { origin } = await startHttpUpstream(t, handler)
  const world = await startWorld(t, { routes: () => [route('/api/stream', origin)] })
  const user = await world.loggedIn()
  const open = (options: Parameters<typeof openCall>[3] = {}) =>
    openCall(world, user, '/api/stream/x', options)
  return { world, user, open }
}

const big = randomBytes(20 * 1024 * 1024)

/** The same bytes in pieces of uneven size. */
const pieces = () =>
  Readable.from(
    Array.from({ length: 400 }, (_, i) => big.subarray(i * 52_429, (i + 1) * 52_429)).filter(
      ({ length }) => length > 0,
    ),
  )

for (const framing of ['content-length', 'chunked'] as const) {
  test(`upload › 20 MiB by ${framing} › arrives whole, framed the same way`, async (t) => {
    const { open } = await setUp(t, async (req, res) => {
      const { 'content-length': length, 'transfer-encoding': encoding } = req.headers
      res.end(JSON.stringify({ length, encoding, hash: sha256(await readAll(req)) }))
    })
    const headers = framing === 'chunked' ? {} : { 'content-length': String(big.length) }
    const { outgoing, answered } = await open({ method: 'POST', headers })
    await pipeline(pieces(), outgoing)
    const seen: unknown = JSON.parse((await readAll(await answered)).toString())
    const framed = framing === 'chunked' ? { encoding: 'chunked' } : { length: String(big.length) }
    assert.deepEqual(seen, { ...framed, hash: sha256(big) })
  })

  test(`download › 20 MiB by ${framing} › arrives whole at a slow reader`, async (t) => {
    const { open } = await setUp(t, (_req, res) => {
      if (framing === 'content-length') res.setHeader('Content-Length', big.length)
      pieces().pipe(res)
    })
    const { outgoing, answered } = await open()
    outgoing.end()
    const answer = await answered
    // Nothing is read for a while: back-pressure reaches the upstream, and loses nothing.
    await new Promise((resolve) => setTimeout(resolve, 100))
    assert.equal(sha256(await readAll(answer)), sha256(big))
    const length = framing === 'content-length' ? String(big.length) : undefined
    assert.equal(answer.headers['content-length'], length)
  })
}

test('upload › larger than all buffers, upstream not reading › back-pressure reaches the client', async (t) => {
  const { open } = await setUp(t, (req) => void req.pause())
  const { outgoing } = await open({ method: 'POST' })
  outgoing.on('error', () => undefined)
  let sent = 0
  const piece = Buffer.alloc(1024 * 1024)
  let stalled = false
  while (!stalled && sent < 200) {
    sent += 1
    if (outgoing.write(piece)) continue
    const drained = new Promise((resolve) => outgoing.once('drain', () => resolve(true)))
    const patience = new Promise((resolve) => setTimeout(() => resolve(false), 1_000))
    stalled = !(await Promise.race([drained, patience]))
  }
  outgoing.destroy()
  assert.ok(stalled, `the broker took ${sent} MiB that nobody read`)
})

test('download › gzip › passes untouched', async (t) => {
  const packed = gzipSync('{"a":1}')
  const { open } = await setUp(t, (_req, res) => {
    res.setHeader('Content-Encoding', 'gzip')
    res.end(packed)
  })
  const { outgoing, answered } = await open({ headers: { 'accept-encoding': 'gzip' } })
  outgoing.end()
  const answer = await answered
  assert.equal(answer.headers['content-encoding'], 'gzip')
  assert.deepEqual(await readAll(answer), packed)
})

const bodiless: readonly (readonly [string, number, Record<string, string>])[] = [
  ['HEAD', 200, { 'content-length': '1234', etag: '"v1"' }],
  ['GET', 204, {}],
  ['GET', 304, { etag: '"v1"' }],
  ['DELETE', 204, {}],
]

for (const [method, status, headers] of bodiless)
  test(`download › ${method} ${status} › headers pass, no body, and the connection serves on`, async (t) => {
    const { open } = await setUp(t, (_req, res) => res.writeHead(status, headers).end())
    const { outgoing, answered } = await open({ method })
    outgoing.end()
    const answer = await answered
    assert.equal(answer.statusCode, status)
    for (const [name, value] of Object.entries(headers)) assert.equal(answer.headers[name], value)
    assert.equal((await readAll(answer)).length, 0)
  })

test('download › an event stream › the first event is there while the stream goes on', async (t) => {
  const { open } = await setUp(t, (_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' })
    res.write('data: one\n\n')
  })
  const { outgoing, answered } = await open({ headers: { accept: 'text/event-stream' } })
  outgoing.end()
  const answer = await answered
  const first = await new Promise<Buffer>((resolve) => answer.once('data', resolve))
  assert.equal(first.toString(), 'data: one\n\n')
  outgoing.destroy()
})

for (const type of ['text/event-stream', 'application/x-ndjson', 'application/grpc-web'])
  test(`download › ${type} without a first byte › its header is there at once`, async (t) => {
    const { open } = await setUp(t, (_req, res) => {
      res.writeHead(200, { 'Content-Type': type })
      res.flushHeaders()
    })
    const { outgoing, answered } = await open()
    outgoing.end()
    assert.equal((await answered).statusCode, 200)
    outgoing.destroy()
  })

test('upload › answered early by the upstream › the client has the whole answer', async (t) => {
  const early = big.subarray(0, 5 * 1024 * 1024)
  const { open } = await setUp(t, (_req, res) => res.writeHead(422).end(early))
  for (const headers of [{}, { 'content-length': String(50 * 1024 * 1024) }]) {
    const { outgoing, answered } = await open({ method: 'POST', headers })
    outgoing.on('error', () => undefined)
    outgoing.write(Buffer.alloc(1024 * 1024))
    const answer = await answered
    assert.equal(answer.statusCode, 422)
    await new Promise((resolve) => setTimeout(resolve, 50))
    assert.equal(sha256(await readAll(answer)), sha256(early))
    outgoing.destroy()
  }
})

const halves: readonly (readonly [string, string, string, string])[] = [
  // Too long to be held whole.
  ['Content-Length', '70004', 'x'.repeat(70_000), 'rest'],
  ['Transfer-Encoding', 'chunked', '4\r\nhalf\r\n', '4\r\nrest\r\n0\r\n\r\n'],
]

for (const [name, value, half, rest] of halves)
  test(`upload › answered early, by ${name}, its rest sent all the same › the connection serves the next call`, async (t) => {
    const { world, user } = await setUp(t, (req, res) => {
      // The upstream wants no more of it, and says so by closing its connection.
      res.setHeader('Connection', 'close').end(`early ${req.method ?? ''}`)
    })
    const door = await openDoor(t, world)
    const own = [['Host', door.host] as const, ...(await appHeaders(user))]
    const { socket, until } = await openRaw(t, door.port)
    socket.write(requestText('POST /api/stream/x', [...own, [name, value]], half))
    await until(/early POST/)
    // Long enough for the broker to notice the upstream's closed connection.
    await new Promise((resolve) => setTimeout(resolve, 50))
    socket.write(`${rest}${requestText('GET /api/stream/x', own)}`)
    await until(/early GET/)
  })
