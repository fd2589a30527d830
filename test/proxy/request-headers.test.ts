import assert from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { upstreamHeaders, withToken } from '../../server/proxy/request-headers.ts'

type Pair = readonly [string, string]

/** A request with these headers, as Node would have parsed them. */
const requestWith = (pairs: readonly Pair[]): IncomingMessage => {
  const req = new IncomingMessage(new Socket())
  req.httpVersion = '1.1'
  for (const [name, value] of pairs) {
    req.rawHeaders.push(name, value)
    const key = name.toLowerCase()
    const before = req.headers[key]
    req.headers[key] = typeof before === 'string' ? `${before}, ${value}` : value
  }
  return req
}

const facts = {
  accessToken: 'at-1',
  clientAddress: '192.0.2.1',
  host: 'app.example',
  proto: 'https' as const,
  pseudonym: 'latchkey-1',
  requestId: 'request-1',
  newTraceparent: () => 'minted',
  passCookies: [],
}

const headersOf = (pairs: readonly Pair[], over: Partial<typeof facts> | object = {}) => {
  const list = upstreamHeaders(requestWith(pairs), { ...facts, ...over })
  const found = new Map<string, string[]>()
  for (let i = 0; i < list.length; i += 2) {
    const name = list[i] ?? ''
    found.set(name, [...(found.get(name) ?? []), list[i + 1] ?? ''])
  }
  return found
}

test('upstreamHeaders › no header from the browser › exactly what the broker says', () => {
  assert.deepEqual(upstreamHeaders(requestWith([]), facts), [
    ...['authorization', 'Bearer at-1'],
    ...['forwarded', 'for=192.0.2.1;host="app.example";proto=https'],
    ...['x-forwarded-for', '192.0.2.1'],
    ...['x-forwarded-host', 'app.example'],
    ...['x-forwarded-proto', 'https'],
    ...['via', '1.1 latchkey-1'],
    ...['x-request-id', 'request-1'],
    ...['traceparent', 'minted'],
  ])
})

test('upstreamHeaders › no access token › no Authorization at all', () => {
  const headers = headersOf([['Authorization', 'Bearer own']], { accessToken: undefined })
  assert.equal(headers.get('authorization'), undefined)
})

const nodes: readonly Pair[] = [
  ['192.0.2.1', 'for=192.0.2.1;'],
  ['2001:db8::1', 'for="[2001:db8::1]";'],
  ['unknown', 'for=unknown;'],
]

for (const [clientAddress, start] of nodes)
  test(`upstreamHeaders › the client at ${clientAddress} (FWD-a) › ${start}`, () => {
    const headers = headersOf([], { clientAddress })
    assert.ok(headers.get('forwarded')?.[0]?.startsWith(start))
    assert.deepEqual(headers.get('x-forwarded-for'), [clientAddress])
  })

const trace = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`

const traces: readonly (readonly [name: string, given: string, passes: boolean])[] = [
  ['sane', trace, true],
  ['of a later version', `cc${trace.slice(2)}`, true],
  ['of the forbidden version', `ff${trace.slice(2)}`, false],
  ['with an empty trace id', `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`, false],
  ['with an empty span id', `00-${'a'.repeat(32)}-${'0'.repeat(16)}-01`, false],
  ['in capitals', trace.toUpperCase(), false],
  ['too long', `${trace}-x`, false],
  ['with something behind', `${trace}\t`, false],
]

for (const [name, given, passes] of traces)
  test(`upstreamHeaders › a traceparent ${name} › ${passes ? 'passes with its state' : 'a new one without state'}`, () => {
    const headers = headersOf([
      ['traceparent', given],
      ['tracestate', 'vendor=1'],
    ])
    assert.deepEqual(headers.get('traceparent'), [passes ? given : 'minted'])
    assert.deepEqual(headers.get('tracestate'), passes ? ['vendor=1'] : undefined)
  })

test('upstreamHeaders › traceparent twice › a new one', () => {
  const twice: readonly Pair[] = [
    ['traceparent', trace],
    ['traceparent', trace],
  ]
  assert.deepEqual(headersOf(twice).get('traceparent'), ['minted'])
})

test('withToken › a list with a token › the same list with the other one', () => {
  const headers = upstreamHeaders(requestWith([['X-Said', 'authorization']]), facts)
  const other = withToken(headers, 'at-2')
  assert.deepEqual(
    other.map((text, i) => [headers[i], text]).filter(([before, after]) => before !== after),
    [['Bearer at-1', 'Bearer at-2']],
  )
})

test('upstreamHeaders › many different names › each judged, remembered or not', () => {
  for (let i = 0; i < 1_500; i += 1) {
    const headers = headersOf([
      [`X-Made-${i}`, '1'],
      [`X-User-${i}`, '1'],
    ])
    assert.deepEqual(headers.get(`x-made-${i}`), ['1'])
    assert.equal(headers.get(`x-user-${i}`), undefined)
  }
})
