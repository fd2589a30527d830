import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { browserHeaders } from '../../server/proxy/response-headers.ts'
import { route } from '../support/world.ts'

const upstream = 'http://10.0.0.5:8080'
const plain = route('/api', upstream, { stripPrefix: '/api' })

const facts = {
  route: plain,
  requestId: 'request-1',
  upstreamOrigin: upstream,
  upstreamPath: '/orders/1',
  ownOrigin: 'https://app.example',
  corsOrigin: undefined,
}

const allPassed = {
  ...plain,
  pass: { setCookie: true, cookies: [], cache: true, html: true, wwwAuthenticate: true },
}

const policy = [
  ...['cache-control', 'no-store'],
  ...['content-security-policy', "default-src 'none'; sandbox; frame-ancestors 'none'"],
]
const always = ['x-content-type-options', 'nosniff', 'x-request-id', 'request-1']

test('browserHeaders › nothing from the upstream › our policy', () => {
  assert.deepEqual(browserHeaders([], facts), [...policy, ...always])
})

test('browserHeaders › everything may pass › nosniff and the request id all the same', () => {
  assert.deepEqual(browserHeaders([], { ...facts, route: allPassed }), always)
})

test("browserHeaders › a listed caller › CORS for that origin alone, after the upstream's is gone", () => {
  const raw = ['Access-Control-Allow-Origin', '*', 'ACCESS-CONTROL-MAX-AGE', '9']
  const headers = browserHeaders(raw, { ...facts, corsOrigin: 'https://partner.example' })
  assert.deepEqual(headers.slice(policy.length + always.length), [
    ...['access-control-allow-origin', 'https://partner.example'],
    ...['access-control-allow-credentials', 'true'],
    ...['vary', 'Origin'],
  ])
})

const locationOf = (location: string): string | undefined => {
  const headers = browserHeaders(['Location', location], facts)
  return headers[0] === 'location' ? headers[1] : undefined
}

test('browserHeaders › any Location (LOC-a) › leads to a path of ours, or does not pass', () => {
  const piece = fc.constantFrom(
    '/',
    '\\',
    '..',
    '.',
    ':',
    '//',
    '@',
    '?',
    '#',
    'evil.test',
    'http:',
    '%2f',
    '\t',
  )
  const any = fc.oneof(
    fc.webUrl(),
    fc.string(),
    fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join('')),
    fc.array(piece, { maxLength: 6 }).map((pieces) => `${upstream}${pieces.join('')}`),
  )
  fc.assert(
    fc.property(any, (location) => {
      const passed = locationOf(location)
      if (passed === undefined) return
      assert.match(passed, /^\/(?![/\\])/)
      assert.equal(new URL(passed, facts.ownOrigin).origin, facts.ownOrigin)
    }),
    { numRuns: 2_000 },
  )
})

test('browserHeaders › Location of an own endpoint, nothing stripped › does not pass', () => {
  const bare = { ...facts, route: route('/', upstream) }
  for (const path of ['/logout?sid=x', '/login', '/session/all/1', '/callback#x', '/metrics'])
    assert.ok(!browserHeaders(['Location', path], bare).includes('location'), path)
  assert.equal(browserHeaders(['Location', '/logouts'], bare)[1], '/logouts')
})

test('browserHeaders › any header list › one value each of what is our policy', () => {
  const names = fc.constantFrom(
    'Cache-Control',
    'CONTENT-SECURITY-POLICY',
    'x-content-type-options',
    'X-Request-Id',
    'Connection',
    'X-Other',
  )
  const pair = fc.tuple(names, fc.constantFrom('a', 'cache-control', 'x-request-id, x-other'))
  fc.assert(
    fc.property(fc.array(pair, { maxLength: 8 }), (pairs) => {
      const headers = browserHeaders(pairs.flat(), facts)
      for (const name of ['cache-control', 'content-security-policy', 'x-request-id'])
        assert.equal(headers.filter((part, i) => i % 2 === 0 && part === name).length, 1)
      assert.ok(!headers.some((part, i) => i % 2 === 0 && part === 'connection'))
    }),
  )
})
