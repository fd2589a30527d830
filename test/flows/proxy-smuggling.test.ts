import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Pair } from '../support/raw.ts'
import { appHeaders, openDoor, openRaw, rawExchange, requestText } from '../support/raw.ts'
import { startWorld } from '../support/world.ts'

const setUp = async (t: TestContext) => {
  const world = await startWorld(t)
  const door = await openDoor(t, world)
  const own: readonly Pair[] = [['Host', door.host], ...(await appHeaders(await world.loggedIn()))]
  const hidden = requestText('POST /api/hidden', own)
  return { world, door, own, hidden }
}

const statuses = (text: string) => [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, s]) => s)

/** R21, MSG-6.3-a, MSG-5.1-a: framing that two readers could read in two ways; each with a second request hidden behind. */
const framings: readonly (readonly [string, readonly string[], string])[] = [
  ['TE and CL', ['Content-Length: 5', 'Transfer-Encoding: chunked'], '0\r\n\r\n'],
  ['CL and TE', ['Transfer-Encoding: chunked', 'Content-Length: 5'], '0\r\n\r\n'],
  ['TE: chunked, identity', ['Transfer-Encoding: chunked, identity'], '0\r\n\r\n'],
  ['TE: xchunked', ['Transfer-Encoding: xchunked'], '0\r\n\r\n'],
  ['TE twice', ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'], '0\r\n\r\n'],
  ['two lengths', ['Content-Length: 0', 'Content-Length: 5'], ''],
  ['a list of lengths', ['Content-Length: 0, 5'], ''],
  ['a signed length', ['Content-Length: +5'], ''],
  ['a negative length', ['Content-Length: -1'], ''],
  ['a hex length', ['Content-Length: 0x5'], ''],
  ['a space before the colon', ['Content-Length : 0'], ''],
  ['a folded line', ['X-A: b', ' Content-Length: 5'], ''],
  ['a bare CR', ['X-A: b\rContent-Length: 5'], ''],
  ['a NUL', ['X-A: b\u0000c'], ''],
  ['a chunk size that is none', ['Transfer-Encoding: chunked'], 'zz\r\n\r\n'],
  ['a chunk size too large', ['Transfer-Encoding: chunked'], 'fffffffffffffffff\r\n'],
]

test('smuggling › framing with two readings (R21, MSG-6.3-a, MSG-5.1-a) › 400 and closed, nothing behind it is served', async (t) => {
  const { world, door, own, hidden } = await setUp(t)
  const head = own.map(([name, value]) => `${name}: ${value}`)
  for (const [name, lines, body] of framings)
    await t.test(name, async () => {
      const bytes = ['POST /api/x HTTP/1.1', ...head, ...lines, '', ''].join('\r\n')
      const text = await rawExchange(t, door.port, `${bytes}${body}${hidden}`)
      assert.deepEqual(statuses(text), ['400'], text)
      assert.ok(world.upstream.seen.every(({ url }) => url === '/api/x'))
      assert.equal(world.upstream.seen.length, 0)
    })
})

test('smuggling › a request behind an early refusal with an unread body (R21) › is never read from that body', async (t) => {
  const { world, door, own, hidden } = await setUp(t)
  const foreign: readonly Pair[] = [
    ...own.filter(([name]) => name !== 'Sec-Fetch-Site'),
    ['Sec-Fetch-Site', 'cross-site'],
  ]
  const chunk = `${hidden.length.toString(16)}\r\n${hidden}\r\n`
  for (const [name, value, body] of [
    ['Content-Length', '100000', hidden],
    ['Transfer-Encoding', 'chunked', chunk],
  ] as const) {
    const bytes = requestText('POST /api/x', [...foreign, [name, value]], body)
    const text = await rawExchange(t, door.port, bytes)
    assert.deepEqual(statuses(text), ['403'], text)
    assert.match(text, /\r\nConnection: close\r\n/i)
    assert.equal(world.upstream.seen.length, 0)
  }
})

test('smuggling › a second request behind a refusal without a body › is answered by itself', async (t) => {
  const { world, door, own } = await setUp(t)
  const refused = requestText('GET /api/%2e%2e/x', own)
  const good = requestText('GET /api/good', [...own, ['Connection', 'close']])
  const text = await rawExchange(t, door.port, refused + good)
  assert.deepEqual(statuses(text), ['400', '200'])
  assert.deepEqual(
    world.upstream.seen.map(({ url }) => url),
    ['/api/good'],
  )
})

test('smuggling › requests on one connection › answered in order, each on its own', async (t) => {
  const { world, door, own } = await setUp(t)
  const body: readonly Pair[] = [['Content-Length', '5']]
  const bytes =
    requestText('POST /api/1', [...own, ...body], 'GET /') +
    requestText('GET /api/2', own) +
    requestText('DELETE /api/3', [...own, ...body], 'bytes') +
    requestText('GET /api/4', [...own, ...body, ['Connection', 'close']], 'bytes')
  const text = await rawExchange(t, door.port, bytes)
  assert.deepEqual(statuses(text), ['200', '200', '200', '200'])
  const seen = world.upstream.seen.map(({ method, url, body: sent }) => `${method} ${url} ${sent}`)
  assert.deepEqual(seen.sort(), [
    'DELETE /api/3 bytes',
    'GET /api/2 ',
    'GET /api/4 bytes',
    'POST /api/1 GET /',
  ])
})

test('smuggling › trailers (HTTP-6.5-a) › never become headers', async (t) => {
  const { world, door, own } = await setUp(t)
  const anonymous = own.filter(([name]) => name !== 'Cookie' && name !== 'x-csrf-token')
  const trailers = [...own.slice(1), ['Authorization', 'Bearer x'], ['X-Foo', '1']]
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('')
  const chunked: readonly Pair[] = [
    ['Transfer-Encoding', 'chunked'],
    ['Trailer', 'Authorization, X-Foo, Cookie'],
    ['Connection', 'close'],
  ]
  const body = `2\r\nhi\r\n0\r\n${trailers}\r\n`
  const refused = requestText('POST /api/x', [...anonymous, ...chunked], body)
  assert.deepEqual(statuses(await rawExchange(t, door.port, refused)), ['401'])
  assert.equal(world.upstream.seen.length, 0)

  const passed = requestText('POST /api/x', [...own, ...chunked], body)
  assert.deepEqual(statuses(await rawExchange(t, door.port, passed)), ['200'])
  const { headers, body: sent } = world.upstream.last()
  assert.match(headers.authorization ?? '', /^Bearer at-/)
  assert.equal(headers['x-foo'], undefined)
  assert.equal(sent, 'hi')
})

test('smuggling › chunk extensions (R21) › are not passed on', async (t) => {
  const { world, door, own } = await setUp(t)
  const chunked: readonly Pair[] = [
    ['Transfer-Encoding', 'chunked'],
    ['Connection', 'close'],
  ]
  const bytes = requestText('POST /api/x', [...own, ...chunked], '2;a=b\r\nhi\r\n0\r\n\r\n')
  assert.deepEqual(statuses(await rawExchange(t, door.port, bytes)), ['200'])
  assert.equal(world.upstream.last().body, 'hi')
})

test('smuggling › Upgrade: h2c (HTTP-7.8-a) › ignored, answered as a plain call', async (t) => {
  const { world, door, own } = await setUp(t)
  const { socket, until } = await openRaw(t, door.port)
  const upgrade: readonly Pair[] = [
    ['Connection', 'Upgrade, HTTP2-Settings'],
    ['Upgrade', 'h2c'],
    ['HTTP2-Settings', 'AAMAAABkAAQAAP__'],
  ]
  socket.write(requestText('GET /api/x', [...own, ...upgrade]))
  assert.deepEqual(statuses(await until(/"ok":true/)), ['200'])
  const { headers } = world.upstream.last()
  assert.equal(headers.upgrade, undefined)
  assert.equal(headers['http2-settings'], undefined)
  assert.match(headers.authorization ?? '', /^Bearer at-/)
})
