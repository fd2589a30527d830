import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import type { Route } from '../../server/config/config.ts'
import { readFramed, startGateway } from '../support/gateway.ts'
import type { Handler } from '../support/http-upstream.ts'
import { openCall, readAll, startHttpUpstream } from '../support/http-upstream.ts'
import type { Pair } from '../support/raw.ts'
import { eventually } from '../support/raw.ts'
import { route, startWorld } from '../support/world.ts'

const setUp = async (t: TestContext, handler: Handler, over: Partial<Route> = {}) => {
  const { origin } = await startHttpUpstream(t, handler)
  const world = await startWorld(t, { routes: () => [route('/api/x', origin, over)] })
  const user = await world.loggedIn()
  return (options: Parameters<typeof openCall>[3] = {}) => openCall(world, user, '/api/x', options)
}

const text = Buffer.from('{"a":"'.padEnd(50_000, 'é') + '"}')
const codings: readonly (readonly [coding: string, packed: Buffer])[] = [
  ['gzip', gzipSync(text)],
  ['br', brotliCompressSync(text)],
  ['zstd', zstdCompressSync(text)],
  ['deflate', deflateSync(text)],
  ['gzip, br', brotliCompressSync(gzipSync(text))],
  ['x-unknown', Buffer.from([0, 255, 13, 10, 26])],
]

for (const [coding, packed] of codings)
  test(`stream › an answer coded by ${coding} (HTTP-7.7-a) › byte for byte, with its coding and ETag`, async (t) => {
    const open = await setUp(t, (req, res) => {
      assert.equal(req.headers['accept-encoding'], coding)
      res.writeHead(200, { 'Content-Encoding': coding, ETag: 'W/"v1"', 'Cache-Control': 'no-transform' }) // prettier-ignore
      res.end(packed)
    })
    const { outgoing, answered } = await open({ headers: { 'accept-encoding': coding } })
    outgoing.end()
    const answer = await answered
    assert.deepEqual([answer.headers['content-encoding'], answer.headers.etag], [coding, 'W/"v1"'])
    assert.ok((await readAll(answer)).equals(packed))
  })

test('stream › an upload coded by gzip (HTTP-7.7-a) › byte for byte, with its coding', async (t) => {
  const packed = gzipSync(text)
  const open = await setUp(t, async (req, res) => {
    const same = (await readAll(req)).equals(packed)
    res.end(JSON.stringify([same, req.headers['content-encoding']]))
  })
  const { outgoing, answered } = await open({ method: 'POST', headers: { 'content-encoding': 'gzip' } }) // prettier-ignore
  outgoing.end(packed)
  assert.equal((await readAll(await answered)).toString(), '[true,"gzip"]')
})

test('stream › Range (R26) › 206 and its Content-Range pass, several parts as well', async (t) => {
  const parts = '--b\r\nContent-Range: bytes 0-0/9\r\n\r\na\r\n--b--\r\n'
  const open = await setUp(t, (req, res) => {
    const several = req.headers.range?.includes(',') === true
    const headers = several
      ? { 'Content-Type': 'multipart/byteranges; boundary=b' }
      : { 'Content-Range': 'bytes 2-5/9', 'Accept-Ranges': 'bytes' }
    res.writeHead(206, headers).end(several ? parts : 'cdef')
  })
  for (const [range, body] of [
    ['bytes=2-5', 'cdef'],
    ['bytes=0-0,8-8', parts],
  ] as const) {
    const { outgoing, answered } = await open({ headers: { range } })
    outgoing.end()
    const answer = await answered
    assert.equal(answer.statusCode, 206)
    assert.equal(answer.headers['content-range'], range === 'bytes=2-5' ? 'bytes 2-5/9' : undefined)
    assert.equal((await readAll(answer)).toString(), body)
  }
})

type Empty = readonly [method: string, headers: readonly Pair[], body: string, sent: RegExp]

/** Zero bytes are said to be zero, and nothing is made up where nothing was said. */
const empties: readonly Empty[] = [
  ['POST', [['Content-Length', '0']], '', /\r\ncontent-length: 0(?:\r\n|$)/],
  ['POST', [['Transfer-Encoding', 'chunked']], '0\r\n\r\n', /\r\ncontent-length: 0(?:\r\n|$)/],
  ['POST', [], '', /\r\ncontent-length: 0(?:\r\n|$)/],
  ['GET', [], '', /^(?:(?!content-length|transfer-encoding)[^])*$/],
  ['GET', [['Content-Length', '0']], '', /^(?:(?!transfer-encoding)[^])*$/],
  ['HEAD', [], '', /^(?:(?!content-length|transfer-encoding)[^])*$/],
  ['DELETE', [], '', /^(?:(?!transfer-encoding)[^])*$/],
  ['OPTIONS', [], '', /^(?:(?!content-length|transfer-encoding)[^])*$/],
]

test('stream › no body in either direction (MSG-6.3-b) › framed as empty, the connection serves on', async (t) => {
  const gateway = await startGateway(t)
  const user = await gateway.login()
  for (const [method, headers, body, sent] of empties)
    await t.test(`${method} ${JSON.stringify(headers)}`, async () => {
      let head = ''
      gateway.answer((socket, request) => {
        head = request.split('\r\n\r\n')[0] ?? ''
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\nAllow: GET\r\n\r\n')
      })
      const answer = await gateway.call(user, { start: `${method} /api/x`, headers, body })
      assert.match(answer, /^HTTP\/1\.1 200 OK\r\n[^]*\r\nallow: GET\r\n/)
      assert.deepEqual(readFramed(answer), { body: '', whole: true })
      assert.match(head, sent)
    })
  assert.ok(gateway.raw.connections.length <= 3)
})

const bodiless: readonly (readonly [method: string, status: number, headers: string])[] = [
  ['HEAD', 200, 'Content-Length: 1234\r\nETag: "a"\r\n'],
  ['HEAD', 200, 'Transfer-Encoding: chunked\r\n'],
  ['HEAD', 404, 'Content-Length: 9\r\n'],
  ['GET', 204, ''],
  ['GET', 304, 'ETag: "a"\r\n'],
  ['OPTIONS', 204, 'Allow: GET, HEAD\r\n'],
]

test('stream › answers that have no body (MSG-6.3-b) › end with their header', async (t) => {
  const gateway = await startGateway(t)
  const user = await gateway.login()
  for (const [method, status, headers] of bodiless)
    await t.test(`${method} ${status} ${headers}`, async () => {
      gateway.answer((socket) => void socket.write(`HTTP/1.1 ${status} X\r\n${headers}\r\n`))
      const answer = await gateway.ask(user, { start: `${method} /api/x` })
      assert.deepEqual([answer.status, answer.body], [status, ''])
      if (headers.startsWith('Content-Length'))
        assert.equal(answer.header('content-length'), /\d+/.exec(headers)?.[0])
      if (status === 204) assert.equal(answer.header('transfer-encoding'), undefined)
    })
})

for (const framing of ['content-length', 'chunked'] as const)
  test(`stream › the upstream refuses a ${framing} upload at once (HTTP-15.6.3-a) › the client has the whole 413, the upload stops`, async (t) => {
    const state = { cut: false }
    const open = await setUp(t, (req, res) => {
      req.socket.once('close', () => (state.cut = true))
      res.writeHead(413).end('too large for the API')
    })
    const headers = framing === 'chunked' ? {} : { 'content-length': String(50_000_000) }
    const { outgoing, answered } = await open({ method: 'POST', headers })
    outgoing.on('error', () => undefined)
    outgoing.write(Buffer.alloc(100_000))
    const answer = await answered
    assert.equal(answer.statusCode, 413)
    assert.equal((await readAll(answer)).toString(), 'too large for the API')
    await eventually('the upload is cut at the upstream', () => state.cut)
    outgoing.destroy()
  })
