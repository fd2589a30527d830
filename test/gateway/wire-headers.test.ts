import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { readFramed, startGateway } from '../support/gateway.ts'
import type { Pair } from '../support/raw.ts'
import { parseAnswer } from '../support/raw.ts'

const setUp = async (t: TestContext) => {
  const gateway = await startGateway(t)
  const user = await gateway.login()
  const answer = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'
  gateway.answer((socket) => void setTimeout(() => socket.write(answer), 20))
  /** The bytes of the one request that the upstream got for this call. */
  const sentFor = async (headers: readonly Pair[], start = 'POST /api/x', body = '') => {
    const before = gateway.raw.connections.length
    const { status, body: text } = await gateway.ask(user, { start, headers, body })
    assert.equal(status, 200, text)
    const [one, ...more] = gateway.raw.connections.slice(before)
    assert.deepEqual(more, [])
    const sent = one?.text ?? ''
    return { ...parseAnswer(sent), sent }
  }
  return { gateway, user, sentFor }
}

const length: Pair = ['Content-Length', '4']

type Named = readonly [name: string, connection: readonly string[], listed: readonly Pair[]]

/** What Connection names is one hop's business, however it is written; what the broker says or checks is not. */
const named: readonly Named[] = [
  ['one of the browser', ['X-Foo'], [['X-Foo', '1']]],
  ['in other cases', ['x-fOO, CLOSE'], [['X-Foo', '1']]],
  ['in two lines', ['close', 'X-Foo'], [['X-Foo', '1']]],
  ['with empty members and tabs', [',,\tX-Foo\t, ,'], [['X-Foo', '1']]],
  ['before the header comes twice', ['X-Foo'], [['X-Foo', '1'], ['x-foo', '2']]],
  ['what the broker adds', ['Authorization, Forwarded, X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto, Via, X-Request-ID, Traceparent, Host'], []],
  ['what the broker checks', ['Cookie, X-CSRF-Token, Sec-Fetch-Site, Origin'], []],
  ['the framing', ['Content-Length, Transfer-Encoding'], []],
  ['itself', ['Connection, Keep-Alive, close'], [['Keep-Alive', 'timeout=1']]],
] // prettier-ignore

const ours = ['authorization', 'forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'via', 'x-request-id', 'traceparent', 'host', 'content-length'] // prettier-ignore

test('Connection › names a header (R19, HTTP-7.6.1-a, HTTP-7.6.1-b) › theirs is gone, ours is there once, the call is checked and its body whole', async (t) => {
  const { user, sentFor } = await setUp(t)
  for (const [name, connection, listed] of named)
    await t.test(name, async () => {
      const lines = connection.map((value): Pair => ['Connection', value])
      const { all, body } = await sentFor([...lines, ...listed, length], 'POST /api/x', 'body')
      for (const [gone] of listed) assert.deepEqual(all(gone.toLowerCase()), [])
      for (const kept of ours) assert.equal(all(kept).length, 1, kept)
      assert.deepEqual(all('authorization'), [`Bearer ${user.token}`])
      assert.deepEqual(all('connection'), ['keep-alive'])
      assert.equal(body, 'body')
    })
})

test('Connection › names the CSRF header or the cookie of a call that lacks them (R19, HTTP-7.6.1-b) › refused as ever', async (t) => {
  const { gateway, user } = await setUp(t)
  const connection: Pair = ['Connection', 'X-CSRF-Token, Cookie, Sec-Fetch-Site']
  for (const [missing, status] of [['x-csrf-token', 403], ['Cookie', 401]] as const) {
    const own = user.own.filter(([name]) => name !== missing)
    const answer = await gateway.ask({ ...user, own }, { start: 'POST /api/x', headers: [connection] })
    assert.equal(answer.status, status)
  }
  assert.deepEqual(gateway.raw.connections, [])
}) // prettier-ignore

test('TE › whatever the browser says (HTTP-10.1.4-a, HTTP-7.6.1-c) › the upstream is asked for no coding and no trailers', async (t) => {
  const { sentFor } = await setUp(t)
  for (const te of ['trailers', 'gzip, trailers', 'deflate;q=0.5', ''])
    for (const connection of ['TE', 'te, close']) {
      const { all } = await sentFor([['TE', te], ['Connection', connection]]) // prettier-ignore
      assert.deepEqual([all('te'), all('connection')], [[], ['keep-alive']])
    }
})

const trailers = ['Authorization: Bearer evil', 'Host: evil.test', 'Cookie: session=evil', 'X-CSRF-Token: x', 'X-Forwarded-For: 6.6.6.6', 'X-Foo: 1'] // prettier-ignore

test('trailers › of a request (R21, HTTP-6.5-a) › never merged, never forwarded', async (t) => {
  const { user, sentFor } = await setUp(t)
  const chunked: readonly Pair[] = [
    ['Transfer-Encoding', 'chunked'],
    ['Trailer', 'Authorization, Host, X-Foo'],
    ['TE', 'trailers'],
  ]
  // A long body flows in chunks, a short one may be held.
  for (const data of ['hi', 'x'.repeat(100_000)]) {
    const coded = `${data.length.toString(16)}\r\n${data}\r\n0\r\n${trailers.join('\r\n')}\r\n\r\n`
    const { sent, all } = await sentFor(chunked, 'POST /api/x', coded)
    assert.doesNotMatch(sent, /evil|6\.6\.6\.6|x-foo|trailer/i)
    assert.deepEqual(readFramed(sent), { body: data, whole: true })
    assert.deepEqual(all('authorization'), [`Bearer ${user.token}`])
  }
})

test('trailers › of an answer (R21, HTTP-6.5-a, COOK-down) › never merged, never forwarded', async (t) => {
  const { gateway, user } = await setUp(t)
  const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Set-Cookie, Cache-Control\r\n\r\n'
  const tail = 'Set-Cookie: session=evil\r\nCache-Control: public\r\nLocation: https://evil.test/\r\nX-Foo: 1\r\n\r\n'
  gateway.answer((socket) => void socket.write(`${head}2\r\nhi\r\n0\r\n${tail}`))
  const text = await gateway.call(user)
  assert.deepEqual(readFramed(text), { body: 'hi', whole: true })
  assert.doesNotMatch(text, /evil|public|x-foo|trailer/i)
}) // prettier-ignore

type Answered = readonly [
  name: string,
  lines: readonly string[],
  gone: readonly string[],
  there: readonly string[],
]

/** R19: an upstream's Connection takes away its own headers alone. */
const answered: readonly Answered[] = [
  ['one of the API', ['Connection: X-Foo', 'X-Foo: 1', 'X-Bar: 1'], ['x-foo'], ['x-bar']],
  ['in odd cases and two lines', ['CONNECTION: x-fOO', 'connection: ,X-Bar', 'x-FOO: 1', 'X-Bar: 1'], ['x-foo', 'x-bar'], []],
  ['our policy', ['Connection: Cache-Control, Content-Security-Policy, X-Content-Type-Options, X-Request-Id, Date'], [], ['cache-control', 'content-security-policy', 'x-content-type-options', 'x-request-id', 'date']],
  ['Set-Cookie', ['Connection: Set-Cookie', 'Set-Cookie: a=b'], ['set-cookie'], ['cache-control']],
  ['the framing', ['Connection: Content-Length, Transfer-Encoding'], ['transfer-encoding'], ['content-length']],
  ['hop by hop', ['Keep-Alive: timeout=1', 'Proxy-Connection: x', 'Proxy-Authenticate: Basic', 'TE: x', 'Trailer: X-T', 'Upgrade: h2c'], ['proxy-connection', 'proxy-authenticate', 'te', 'trailer', 'upgrade'], ['content-length']],
] // prettier-ignore

test("Connection › of an answer (R19, HTTP-7.6.1-a, HTTP-7.6.1-c) › takes the upstream's headers, never the broker's", async (t) => {
  const { gateway, user } = await setUp(t)
  for (const [name, lines, gone, there] of answered)
    await t.test(name, async () => {
      const head = `HTTP/1.1 200 OK\r\nContent-Length: 2\r\n${lines.join('\r\n')}\r\n\r\n`
      gateway.answer((socket) => void socket.write(`${head}ok`))
      const { all, body } = await gateway.ask(user)
      for (const header of gone) assert.deepEqual(all(header), [], header)
      for (const header of there) assert.equal(all(header).length, 1, header)
      assert.deepEqual([all('connection'), all('keep-alive'), body], [['close'], [], 'ok'])
    })
})
