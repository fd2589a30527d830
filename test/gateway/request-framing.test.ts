import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { startGateway } from '../support/gateway.ts'
import { rawExchange } from '../support/raw.ts'

const setUp = async (t: TestContext) => {
  const gateway = await startGateway(t)
  const user = await gateway.login()
  const own = user.own.map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const hidden = `POST /api/x HTTP/1.1\r\n${own}X-Hidden: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`
  // One connection for each request, and time for its body to arrive.
  const answer = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'
  gateway.answer((socket) => void setTimeout(() => socket.write(answer), 20))
  /** What comes back for these bytes and a request behind them, and what requests the upstream was sent for them. */
  const send = async (bytes: string) => {
    const before = gateway.raw.connections.length
    const text = await rawExchange(t, gateway.door.port, `${bytes}${hidden}`)
    const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status)
    const sent = gateway.raw.connections.slice(before).map((connection) => connection.text)
    return { text, statuses, sent: sent.filter((request) => request !== '') }
  }
  return { own, send }
}

type Row = readonly [name: string, bytes: (own: string) => string]

const post = 'POST /api/x HTTP/1.1\r\n'
const headed = (name: string, lines: string, body = ''): Row => [
  name,
  (own) => `${post}${own}${lines}\r\n\r\n${body}`,
]
const chunks = (name: string, body: string): Row => headed(name, 'Transfer-Encoding: chunked', body)
const started = (name: string, start: string): Row => [
  name,
  (own) => `${start}\r\n${own}Content-Length: 0\r\n\r\n`,
]

/** R21, MSG-6.3-a, MSG-5.1-a: two readers could find two ends. */
const refused: readonly Row[] = [
  headed('TE: chunked, chunked', 'Transfer-Encoding: chunked, chunked', '0\r\n\r\n'),
  headed('TE: identity', 'Transfer-Encoding: identity'),
  headed('TE: identity, chunked', 'Transfer-Encoding: identity, chunked', '0\r\n\r\n'),
  headed('TE: gzip, chunked', 'Transfer-Encoding: gzip, chunked', '0\r\n\r\n'),
  headed('TE after a vertical tab', 'Transfer-Encoding: \x0bchunked', '0\r\n\r\n'),
  headed('TE in quotes', 'Transfer-Encoding: "chunked"', '0\r\n\r\n'),
  headed('TE with a parameter', 'Transfer-Encoding: chunked;a=b', '0\r\n\r\n'),
  headed('TE and more', 'Transfer-Encoding: chunked x', '0\r\n\r\n'),
  headed('an empty TE', 'Transfer-Encoding:'),
  headed('an empty TE and a length', 'Transfer-Encoding:\r\nContent-Length: 2', 'hi'),
  headed('a folded TE', 'Transfer-Encoding:\r\n chunked', '0\r\n\r\n'),
  headed('a space before the colon of TE', 'Transfer-Encoding : chunked', '0\r\n\r\n'),
  headed('an empty length', 'Content-Length:'),
  headed('a length in two pieces', 'Content-Length: 1 2', 'hi'),
  headed('the same length twice', 'Content-Length: 2\r\nContent-Length: 2', 'hi'),
  headed('the same length in a list', 'Content-Length: 2, 2', 'hi'),
  headed('a length with an exponent', 'Content-Length: 1e1', 'hi'),
  headed('a length past all numbers', `Content-Length: ${'9'.repeat(30)}`, 'hi'),
  headed('a length in quotes', 'Content-Length: "2"', 'hi'),
  headed('a bare LF', 'X-A: b\nContent-Length: 2', 'hi'),
  ['bare LFs alone', (own) => `${post}${own}X-A: b\r\n\r\n`.replaceAll('\r\n', '\n')],
  ['a bare LF as the empty line', (own) => `${post}${own}Content-Length: 0\r\n\n`],
  ['a bare LF after the first line', (own) => `POST /api/x HTTP/1.1\n${own}\r\n`],
  headed('two CRs', 'X-A: b\r\r\nContent-Length: 0'),
  ['a folded first line', (own) => `${post} X-A: b\r\n${own}\r\n`],
  headed('a line folded by a tab', 'X-A: b\r\n\tContent-Length: 9'),
  headed('a header without a name', ': b'),
  headed('a header without a colon', 'NoColon'),
  headed('a tab in a name', 'X\tA: b'),
  headed('a NUL in a name', 'X-\0: b'),
  headed('a letter outside ASCII in a name', 'X-\xe9: b'),
  headed('DEL', 'X-A: a\x7fb'),
  headed('a control character', 'X-A: a\x01b'),
  chunks('chunks ended by LF', '2\nhi\n0\n\n'),
  chunks('a chunk extension ended by LF', '2;a\nhi\r\n0\r\n\r\n'),
  chunks('a chunk extension with a CR', '2;a\rb\r\nhi\r\n0\r\n\r\n'),
  chunks('a chunk extension of 20 kB', `2;${'a'.repeat(20_000)}\r\nhi\r\n0\r\n\r\n`),
  chunks('a chunk without its end', '2\r\nhi0\r\n\r\n'),
  chunks('a chunk longer than its size', '2\r\nhiXX\r\n0\r\n\r\n'),
  chunks('a negative chunk size', '-2\r\nhi\r\n0\r\n\r\n'),
  chunks('a chunk size with 0x', '0x2\r\nhi\r\n0\r\n\r\n'),
  chunks('a space before the chunk size', ' 2\r\nhi\r\n0\r\n\r\n'),
  chunks('a space after the chunk size', '2 \r\nhi\r\n0\r\n\r\n'),
  chunks('an empty chunk size', '\r\nhi\r\n0\r\n\r\n'),
  chunks('a trailer without a colon', '0\r\nNope\r\n\r\n'),
  chunks('a length as trailer', '0\r\nContent-Length: 9\r\n\r\n'),
  started('more after the version', 'POST /api/x HTTP/1.1 x'),
  started('tabs in the first line', 'POST\t/api/x\tHTTP/1.1'),
  started('a space in the target', 'POST /api/x y HTTP/1.1'),
  started('a space before the method', ' POST /api/x HTTP/1.1'),
  started('a method in lower case', 'post /api/x HTTP/1.1'),
  started('a method nobody knows', 'FOO /api/x HTTP/1.1'),
  started('HTTP/1.2', 'POST /api/x HTTP/1.2'),
  started('HTTP/2.0', 'POST /api/x HTTP/2.0'),
  started('HTTP/0.9', 'POST /api/x HTTP/0.9'),
  started('a protocol in lower case', 'POST /api/x http/1.1'),
  ['no version', () => 'POST /api/x\r\n'],
  ['the preface of HTTP/2', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['a TLS hello', () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
]

type Taken = readonly [...Row, method: string, body: string]

const taken = (row: Row, method: string, body: string): Taken => [...row, method, body]
const bodied = (method: string, lines: string, body: string): Row => [
  `a body on ${method}, ${lines}`,
  (own) => `${method} /api/x HTTP/1.1\r\n${own}${lines}\r\n\r\n${body}`,
]
const length = 'Content-Length: 2'
const coded = 'Transfer-Encoding: chunked'
const hi = '2\r\nhi\r\n0\r\n\r\n'

/** R21: clear enough, and the next reader gets it in one plain form. */
const passed: readonly Taken[] = [
  taken(headed('TE in odd cases', 'TRANSFER-encoding:  CHUNKED ', hi), 'POST', 'hi'),
  taken(headed('Transfer_Encoding', 'Transfer_Encoding: chunked\r\nContent-Length: 2', 'hi'), 'POST', 'hi'),
  taken(headed('Content_Length', 'Content_Length: 99'), 'POST', ''),
  taken(headed('zeros before a length', 'Content-Length: 002', 'hi'), 'POST', 'hi'),
  taken(headed('tabs around a length', 'Content-Length:\t2\t', 'hi'), 'POST', 'hi'),
  taken(chunks('zeros before a chunk size', '0002\r\nhi\r\n000\r\n\r\n'), 'POST', 'hi'),
  taken(chunks('many chunk extensions', `${`2;${'a'.repeat(200)}\r\nhi\r\n`.repeat(200)}0\r\n\r\n`), 'POST', 'hi'.repeat(200)),
  taken(['empty lines before', (own) => `\r\n\r\n${post}${own}${length}\r\n\r\nhi`], 'POST', 'hi'),
  taken(bodied('GET', length, 'hi'), 'GET', 'hi'),
  taken(bodied('GET', coded, hi), 'GET', 'hi'),
  taken(bodied('HEAD', length, 'hi'), 'HEAD', 'hi'),
  taken(bodied('DELETE', length, 'hi'), 'DELETE', 'hi'),
  taken(bodied('DELETE', coded, hi), 'DELETE', 'hi'),
  taken(bodied('OPTIONS', length, 'hi'), 'OPTIONS', 'hi'),
  taken(bodied('QUERY', length, 'hi'), 'QUERY', 'hi'),
] // prettier-ignore

const patience = { timeout: 30_000 }

test('request framing › two readings (R21, MSG-6.3-a, MSG-5.1-a) › 400 and closed, nothing of it whole at the upstream, nothing behind it served', patience, async (t) => {
  const { own, send } = await setUp(t)
  for (const [name, bytes] of refused)
    await t.test(name, async () => {
      const { text, statuses, sent } = await send(bytes(own))
      assert.deepEqual(statuses, ['400'], text)
      assert.match(text, /\r\nConnection: close\r\n/i)
      assert.match(text, /"code":"invalid_request"/)
      for (const request of sent)
        assert.doesNotMatch(request, /x-hidden|\r\n0\r\n\r\n|content-length/i)
    })
}) // prettier-ignore

test('request framing › odd, but clear (R21) › one plain request each at the upstream', patience, async (t) => {
  const { own, send } = await setUp(t)
  for (const [name, bytes, method, body] of passed)
    await t.test(name, async () => {
      const { text, statuses, sent } = await send(bytes(own))
      assert.deepEqual(statuses, ['200', '200'], text)
      assert.equal(sent.length, 2)
      const [lone = ''] = sent.filter((request) => !request.includes('\r\nx-hidden: 1\r\n'))
      const [head = '', rest] = lone.split('\r\n\r\n')
      assert.ok(head.startsWith(`${method} /api/x HTTP/1.1\r\n`), head)
      assert.equal(rest, body)
      assert.match(head, new RegExp(`\r\ncontent-length: 0*${body.length}(?:\r\n|$)`))
      assert.doesNotMatch(head, /transfer.encoding|content_length|x-hidden/i)
    })
}) // prettier-ignore
