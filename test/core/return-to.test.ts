import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseReturnTo } from '../../server/core/return-to.ts'

const refused = [
  '',
  'x',
  '//evil.example',
  '/\\evil.example',
  '\\/evil.example',
  '\\\\evil.example',
  '/\t/evil.example',
  '/\r\n/evil.example',
  '///evil.example',
  '/.//evil.example',
  '/..//evil.example',
  '/./..//evil.example',
  '/%2e//evil.example',
  '/%2e%2e//evil.example',
  '/ok/../..//evil.example',
  '/a/..//evil.example',
  'https://app@evil.example',
  'https:evil.example',
  'javascript:alert(1)',
  ' /x',
  '/x\u0000',
  `/${'a'.repeat(10_240)}`,
  ['/a', '/b'],
  undefined,
  null,
  7,
]
for (const raw of refused)
  test(`parseReturnTo › R5 ${JSON.stringify([raw]).slice(0, 40)} › is refused`, () => {
    assert.equal(parseReturnTo(raw).ok, false)
  })

const accepted = [
  ['/', '/'],
  ['/orders?page=2#top', '/orders?page=2#top'],
  ['/a/../b', '/b'],
  ['/a//b', '/a//b'],
  ['/%2f%2fevil', '/%2f%2fevil'],
  ['/?next=//evil.example', '/?next=//evil.example'],
] as const
for (const [raw, path] of accepted)
  test(`parseReturnTo › ${raw} › is kept as ${path}`, () => {
    assert.deepEqual(parseReturnTo(raw), { ok: true, value: path })
  })

test('parseReturnTo › R5 any string of URL-like pieces › stays on the origin when a browser resolves it', () => {
  const piece = fc.constantFrom('/', '\\', '.', '..', '%2e', '%2f', '@', ':', '?', '#', '\t', '\n', 'evil.example', 'a', 'https:') // prettier-ignore
  const origin = 'https://app.example'
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(piece, { maxLength: 12 }).map((p) => p.join('')),
        fc.string(),
      ),
      (raw) => {
        // prettier-ignore
        const parsed = parseReturnTo(raw)
        if (!parsed.ok) return
        assert.equal(new URL(parsed.value, origin).origin, origin)
        assert.equal(parsed.value.startsWith('//'), false)
        assert.deepEqual(parseReturnTo(parsed.value), parsed)
      },
    ),
    { numRuns: 20_000 },
  )
})
