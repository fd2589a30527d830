import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import type { Gateway } from '../support/gateway.ts'
import { readFramed, startGateway, tokenIn } from '../support/gateway.ts'
import { codeOf, parseAnswer } from '../support/raw.ts'

const ok = 'HTTP/1.1 200 OK\r\n'
const sized = `${ok}Content-Length: 4\r\n`
const chunked = `${ok}Transfer-Encoding: chunked\r\n`
const four = '4\r\nhalf\r\n'
const evil = `${sized}\r\nevil`

/** What the connection does after these bytes. */
type Then = 'stays' | 'ends' | 'resets'
type Row = readonly [name: string, bytes: string, then: Then]

/** HTTP-15.6.3-a, MSG-6.3-b, R21: nothing of these may be believed. */
const refused: readonly Row[] = [
  ['TE and CL', `${chunked}Content-Length: 4\r\n\r\n${four}0\r\n\r\n`, 'stays'],
  ['CL and TE', `${sized}Transfer-Encoding: chunked\r\n\r\n${four}0\r\n\r\n`, 'stays'],
  ['the same length twice', `${sized}Content-Length: 4\r\n\r\nhalf`, 'stays'],
  ['two lengths', `${sized}Content-Length: 9\r\n\r\nhalf`, 'stays'],
  ['a list of lengths', `${ok}Content-Length: 4, 4\r\n\r\nhalf`, 'stays'],
  ['a signed length', `${ok}Content-Length: +4\r\n\r\nhalf`, 'stays'],
  ['a negative length', `${ok}Content-Length: -4\r\n\r\nhalf`, 'stays'],
  ['a length past all numbers', `${ok}Content-Length: ${'9'.repeat(30)}\r\n\r\nhalf`, 'stays'],
  ['an empty length', `${ok}Content-Length:\r\n\r\nhalf`, 'ends'],
  ['chunked twice', `${chunked}Transfer-Encoding: chunked\r\n\r\n${four}0\r\n\r\n`, 'ends'],
  ['TE: gzip, chunked', `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n${four}0\r\n\r\n`, 'stays'],
  ['TE: chunked, gzip', `${ok}Transfer-Encoding: chunked, gzip\r\n\r\n${four}0\r\n\r\n`, 'ends'],
  ['TE: xchunked', `${ok}Transfer-Encoding: xchunked\r\n\r\n${four}0\r\n\r\n`, 'ends'],
  ['TE: identity', `${ok}Transfer-Encoding: identity\r\n\r\nhalf`, 'ends'],
  ['a header without a colon', `${sized}NoColon\r\n\r\nhalf`, 'stays'],
  ['a space before the colon', `${ok}Content-Length : 4\r\n\r\nhalf`, 'stays'],
  ['a header without a name', `${sized}: x\r\n\r\nhalf`, 'stays'],
  ['a folded line', `${ok}X-A: a\r\n Content-Length: 9\r\nContent-Length: 4\r\n\r\nhalf`, 'stays'],
  ['a bare LF', 'HTTP/1.1 200 OK\nContent-Length: 4\n\nhalf', 'stays'],
  ['a bare LF in a header', `${ok}X-A: a\nContent-Length: 4\r\n\r\nhalf`, 'stays'],
  ['a bare CR', `${sized}X-A: a\rSet-Cookie: x=y\r\n\r\nhalf`, 'stays'],
  ['a NUL', `${sized}X-A: a\0b\r\n\r\nhalf`, 'stays'],
  ['a status of two digits', 'HTTP/1.1 99 X\r\nContent-Length: 4\r\n\r\nhalf', 'stays'],
  ['a status of four digits', 'HTTP/1.1 2000 X\r\nContent-Length: 4\r\n\r\nhalf', 'stays'],
  ['a status of letters', 'HTTP/1.1 abc X\r\nContent-Length: 4\r\n\r\nhalf', 'stays'],
  ['no status line', 'half', 'ends'],
  ['another protocol', 'ICY 200 OK\r\n\r\nhalf', 'ends'],
  ['64 KiB of headers', `${sized}${`X-A: ${'a'.repeat(1_000)}\r\n`.repeat(66)}\r\nhalf`, 'stays'],
  ['half a header', `${ok}X-A: a`, 'ends'],
]

/** MSG-8-a: it began well, and must not look as if it had come to its end. */
const cut: readonly Row[] = [
  ['too little for its length', `${ok}Content-Length: 9\r\n\r\nhalf`, 'ends'],
  ['too little, reset', `${ok}Content-Length: 9\r\n\r\nhalf`, 'resets'],
  ['too little, Connection: close', `${ok}Connection: close\r\nContent-Length: 9\r\n\r\nhalf`, 'ends'],
  ['too little, close, reset', `${ok}Connection: close\r\nContent-Length: 9\r\n\r\nhalf`, 'resets'],
  ['HTTP/1.0, too little', 'HTTP/1.0 200 OK\r\nContent-Length: 9\r\n\r\nhalf', 'ends'],
  ['no last chunk', `${chunked}\r\n${four}`, 'ends'],
  ['no last chunk, reset', `${chunked}\r\n${four}`, 'resets'],
  ['no last chunk, Connection: close', `${chunked}Connection: close\r\n\r\n${four}`, 'ends'],
  ['no last chunk, close, reset', `${chunked}Connection: close\r\n\r\n${four}`, 'resets'],
  ['a last chunk without its end', `${chunked}Connection: close\r\n\r\n${four}0\r\n`, 'ends'],
  ['half a chunk', `${chunked}\r\n9\r\nhalf`, 'ends'],
  ['a chunk size that is none', `${chunked}\r\n${four}zz\r\n`, 'stays'],
  ['a chunk size too large', `${chunked}\r\n${four}${'f'.repeat(17)}\r\n`, 'stays'],
  ['a chunk longer than its size', `${chunked}\r\n4\r\nhalfXX0\r\n\r\n`, 'stays'],
  ['chunks ended by LF', `${chunked}\r\n${four}4\nhalf\n0\n\n`, 'stays'],
  ['a trailer without a colon', `${chunked}\r\n${four}0\r\nNope\r\n\r\n`, 'stays'],
  ['no framing, reset', `${ok}\r\nhalf`, 'resets'],
  ['no framing, Connection: close, reset', `${ok}Connection: close\r\n\r\nhalf`, 'resets'],
  ['HTTP/1.0 without framing, reset', 'HTTP/1.0 200 OK\r\n\r\nhalf', 'resets'],
] // prettier-ignore

type Kept = readonly [...Row, status: number, body: string, connection: 'reused' | 'given up']

/** R21, MSG-6.3-b: what is good of these passes, and nothing behind it is anybody's answer. */
const taken: readonly Kept[] = [
  ['bytes after its length', `${sized}\r\nhalfEXTRA`, 'stays', 200, 'half', 'given up'],
  ['a second answer', `${sized}\r\nhalf${evil}`, 'stays', 200, 'half', 'given up'],
  ['a second answer after chunks', `${chunked}\r\n${four}0\r\n\r\n${evil}`, 'stays', 200, 'half', 'given up'],
  ['204 and a body', 'HTTP/1.1 204 X\r\nContent-Length: 4\r\n\r\nevil', 'stays', 204, '', 'given up'],
  ['204 and chunks', 'HTTP/1.1 204 X\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n', 'stays', 204, '', 'given up'],
  ['304 and a body', `HTTP/1.1 304 X\r\nContent-Length: 4\r\n\r\n${evil}`, 'stays', 304, '', 'given up'],
  ['304 with a length alone', 'HTTP/1.1 304 X\r\nContent-Length: 4\r\n\r\n', 'stays', 304, '', 'given up'],
  ['HTTP/1.0 to its end', 'HTTP/1.0 200 OK\r\n\r\nhalf', 'ends', 200, 'half', 'given up'],
  ['HTTP/1.1 to its end', `${ok}\r\nhalf`, 'ends', 200, 'half', 'given up'],
  ['HTTP/1.0 with a length', 'HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nhalf', 'stays', 200, 'half', 'given up'],
  ['names in odd cases', 'HTTP/1.1 200 OK\r\ncONTENT-lENGTH: 4\r\nsET-cOOKIE: session=evil\r\n\r\nhalf', 'stays', 200, 'half', 'reused'],
  ['TE in odd cases', `${ok}TRANSFER-encoding: ChunkeD \r\n\r\n${four}0\r\n\r\n`, 'stays', 200, 'half', 'reused'],
  ['chunk extensions', `${chunked}\r\n4;a="b;c"\r\nhalf\r\n0\r\n\r\n`, 'stays', 200, 'half', 'reused'],
  ['no reason phrase', 'HTTP/1.1 200\r\nContent-Length: 4\r\n\r\nhalf', 'stays', 200, 'half', 'reused'],
  ['an empty line before it', `\r\n${sized}\r\nhalf`, 'stays', 200, 'half', 'reused'],
  ['an upgrade nobody asked for, and a body', `${sized}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\nhalf`, 'stays', 200, 'half', 'reused'],
  ['a length named by Connection', `${sized}Connection: Content-Length\r\n\r\nhalf`, 'stays', 200, 'half', 'reused'],
] // prettier-ignore

const play = (bytes: string, then: Then) => (socket: Socket) => {
  socket.write(bytes, 'latin1')
  if (then === 'ends') socket.end()
  // Late enough for the bytes to be read before the reset throws them away.
  if (then === 'resets') setTimeout(() => socket.resetAndDestroy(), 40)
}

/** Another user's call gets that user's answer; whether on the same connection is told. */
const nextUser = async (gateway: Gateway, user: Awaited<ReturnType<Gateway['login']>>) => {
  const { raw, answer, ask } = gateway
  const before = raw.connections.length
  answer(
    (socket, request) => void socket.write(`${ok}Content-Length: 39\r\n\r\n${tokenIn(request)}`),
  )
  const { status, body } = await ask(user)
  assert.deepEqual([status, body], [200, user.token])
  return raw.connections.length === before ? 'reused' : 'given up'
}

const patience = { timeout: 30_000 }

test('upstream framing › nothing to be believed (R21, HTTP-15.6.3-a, MSG-6.3-b) › 502 that says nothing of it, one attempt, connection given up', patience, async (t) => {
  const gateway = await startGateway(t)
  const [ada, bob] = [await gateway.login(), await gateway.login()]
  for (const [name, bytes, then] of refused)
    await t.test(name, async () => {
      let attempts = 0
      gateway.answer((socket) => {
        attempts += 1
        play(bytes, then)(socket)
      })
      const { status, body } = await gateway.ask(ada, { start: 'POST /api/x' })
      assert.equal(status, 502, body)
      assert.equal(codeOf(body), 'upstream_unreachable')
      assert.doesNotMatch(body.replace(/"request_id":"[^"]+"/, ''), /half|127\.0\.0\.1|HPE|UND_ERR/)
      assert.equal(attempts, 1)
      assert.equal(await nextUser(gateway, bob), 'given up')
    })
}) // prettier-ignore

test('upstream framing › broken off (MSG-8-a) › the client is cut within it, the next user gets a connection of its own', patience, async (t) => {
  const gateway = await startGateway(t)
  const [ada, bob] = [await gateway.login(), await gateway.login()]
  for (const [name, bytes, then] of cut)
    await t.test(name, async () => {
      gateway.answer(play(bytes, then))
      const text = await gateway.call(ada)
      assert.equal(parseAnswer(text).status, 200)
      assert.equal(readFramed(text).whole, false, text)
      assert.equal(await nextUser(gateway, bob), 'given up')
    })
}) // prettier-ignore

test('upstream framing › odd, but clear (R21, MSG-6.3-b) › its one answer, and nothing behind it', patience, async (t) => {
  const gateway = await startGateway(t)
  const [ada, bob] = [await gateway.login(), await gateway.login()]
  for (const [name, bytes, then, status, body, connection] of taken)
    await t.test(name, async () => {
      gateway.answer(play(bytes, then))
      const text = await gateway.call(ada)
      const answer = parseAnswer(text)
      assert.equal(answer.status, status, text)
      if (status === 200) assert.deepEqual(readFramed(text), { body, whole: true })
      else assert.equal(answer.body, body)
      assert.doesNotMatch(text, /evil|EXTRA/)
      assert.equal(await nextUser(gateway, bob), connection)
    })
}) // prettier-ignore

test('upstream framing › HEAD, and a body all the same (R21) › the header alone, connection given up', patience, async (t) => {
  const gateway = await startGateway(t)
  const [ada, bob] = [await gateway.login(), await gateway.login()]
  for (const bytes of [evil, `${chunked}\r\n${four}0\r\n\r\n`, `${sized}Connection: keep-alive\r\n\r\nevil${evil}`]) {
    gateway.answer(play(bytes, 'stays'))
    const answer = await gateway.ask(ada, { start: 'HEAD /api/x' })
    assert.deepEqual([answer.status, answer.body], [200, ''])
    assert.equal(await nextUser(gateway, bob), 'given up')
  }
}) // prettier-ignore
