import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Pair } from '../support/raw.ts'
import { openRaw, parseAnswer, requestText } from '../support/raw.ts'
import { startGateway } from '../support/gateway.ts'

const answer = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok'

const setUp = async (t: TestContext) => {
  const gateway = await startGateway(t, { methods: ['GET', 'POST'], bodyLimitBytes: 500_000 })
  const user = await gateway.login()
  const seen: string[] = []
  gateway.answer((socket, request) => {
    seen.push(/^x-n: (.*)\r$/m.exec(request)?.[1] ?? request)
    setTimeout(() => socket.write(answer), 50)
  })
  const connect = () => openRaw(t, gateway.door.port)
  return { gateway, own: user.own, seen, connect }
}

const statusesIn = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, s]) => s)

const without = (own: readonly Pair[], name: string) => own.filter(([key]) => key !== name)

type Fault = readonly [
  name: string,
  status: string,
  start: string,
  fault: (own: readonly Pair[]) => readonly Pair[],
]

const faults: readonly Fault[] = [
  ['400 invalid_path', '400', 'POST /api/%2fx', (own) => own],
  ['405', '405', 'PATCH /api/x', (own) => own],
  ['403 cross_site', '403', 'POST /api/x', (own) => [...without(own, 'Sec-Fetch-Site'), ['Sec-Fetch-Site', 'cross-site']]],
  ['401', '401', 'POST /api/x', (own) => without(own, 'Cookie')],
  ['403 csrf_missing', '403', 'POST /api/x', (own) => without(own, 'x-csrf-token')],
  ['413', '413', 'POST /api/x', (own) => own],
  ['421', '421', 'POST /api/x', (own) => [...without(own, 'Host'), ['Host', 'evil.test']]],
] // prettier-ignore

/** Longer than any buffer on the way, and longer than the route takes. */
const size = 600_000

for (const [name, status, start, fault] of faults)
  for (const framing of ['content-length', 'chunked'] as const) {
    if (name === '413' && framing === 'chunked') continue
    test(`pipelining › ${name} while a ${framing} body is unread (R21) › one answer and the end, nothing in or behind the body is a request`, async (t) => {
      const { own, seen, connect } = await setUp(t)
      const hidden = requestText('POST /api/x', [...own, ['X-N', 'hidden'], ['Content-Length', '0']]) // prettier-ignore
      const frame: Pair = framing === 'chunked' ? ['Transfer-Encoding', 'chunked'] : ['Content-Length', String(size)] // prettier-ignore
      const { socket, closed, text } = await connect()
      const chunk = framing === 'chunked' ? `${hidden.length.toString(16)}\r\n${hidden}\r\n` : hidden // prettier-ignore
      socket.write(requestText(start, [...fault(own), frame], chunk))
      await closed
      socket.destroy()
      assert.deepEqual(statusesIn(text()), [status], text())
      assert.equal(parseAnswer(text()).header('connection')?.toLowerCase(), 'close')
      assert.deepEqual(seen, [])
    })
  }

test('pipelining › refused before its body was read, and a good request (R21) › one answer and the end, the second is never run', async (t) => {
  const { own, seen, connect } = await setUp(t)
  const refused = requestText('POST /api/x', [...without(own, 'x-csrf-token'), ['Content-Length', '3']], 'one') // prettier-ignore
  const good = requestText('GET /api/x', [...own, ['X-N', 'two'], ['Connection', 'close']])
  const { socket, closed, text } = await connect()
  socket.write(refused + good)
  await closed
  assert.deepEqual(statusesIn(text()), ['403'], text())
  assert.equal(parseAnswer(text()).header('connection')?.toLowerCase(), 'close')
  assert.deepEqual(seen, [])
})

const broken = 'POST /api/x HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n'

const tails: readonly (readonly [name: string, tail: string])[] = [
  ['a malformed request', broken],
  ['bytes that are no request', '\x16\x03\x01\x02\r\n\r\n'],
  ['a header of 64 kB', `GET /api/x HTTP/1.1\r\nX-A: ${'a'.repeat(65_536)}\r\n\r\n`],
]

for (const [name, tail] of tails)
  test(`pipelining › two good requests, then ${name} (R21, MSG-6.3-a) › both are answered, no refusal is taken for one of theirs, the connection ends`, async (t) => {
    const { own, seen, connect } = await setUp(t)
    const one = requestText('GET /api/x', [...own, ['X-N', 'one']])
    const two = requestText('POST /api/x', [...own, ['X-N', 'two'], ['Content-Length', '2']], 'hi')
    const { socket, closed, text } = await connect()
    socket.write(one + two + tail)
    await closed
    assert.deepEqual(statusesIn(text()), ['200', '200'], text())
    assert.deepEqual(seen.toSorted(), ['one', 'two'])
  })

test('pipelining › Connection: close, and more (R21) › the first is answered, the rest is never run', async (t) => {
  const { own, seen, connect } = await setUp(t)
  const last = requestText('GET /api/x', [...own, ['X-N', 'last'], ['Connection', 'close']])
  const more = requestText('POST /api/x', [...own, ['X-N', 'more'], ['Content-Length', '0']])
  const { socket, closed, text } = await connect()
  socket.write(last + more)
  await closed
  assert.deepEqual(statusesIn(text()), ['200'], text())
  assert.deepEqual(seen, ['last'])
})

test('pipelining › a good request, then one whose body breaks (R21) › the first is answered, the second ends with the connection', async (t) => {
  const { own, seen, connect } = await setUp(t)
  const one = requestText('GET /api/x', [...own, ['X-N', 'one']])
  const two = requestText('POST /api/x', [...own, ['X-N', 'two'], ['Transfer-Encoding', 'chunked']], 'zz\r\n') // prettier-ignore
  const { socket, closed, text } = await connect()
  socket.write(one + two)
  await closed
  assert.deepEqual(statusesIn(text()), ['200'], text())
  assert.ok(seen.includes('one'))
})

test('pipelining › a malformed request after one that was answered (R21) › the connection ends', async (t) => {
  const { own, connect } = await setUp(t)
  const { socket, until, closed, text } = await connect()
  socket.write(requestText('GET /api/x', own))
  await until(/ok$/)
  socket.write(broken)
  await closed
  assert.deepEqual(statusesIn(text()), ['200'])
})

test('pipelining › a slow answer, then quick ones (R21) › in the order they were asked for', async (t) => {
  const { gateway, own, connect } = await setUp(t)
  gateway.answer((socket, request) => {
    const n = /^x-n: (\d)\r$/m.exec(request)?.[1] ?? ''
    const late = n === '1' ? 150 : 0
    setTimeout(() => socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n${n}`), late)
  })
  const { socket, closed, text } = await connect()
  const numbers = ['1', '2', '3', '4']
  socket.write(numbers.map((n) => requestText('GET /api/x', [...own, ['X-N', n], ...(n === '4' ? [['Connection', 'close'] as const] : [])])).join('')) // prettier-ignore
  await closed
  assert.deepEqual([...text().matchAll(/\r\n\r\n(\d)/g)].map(([, n]) => n), numbers) // prettier-ignore
})
