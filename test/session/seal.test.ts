import type { SealContext } from '../../server/session/seal.ts'
import assert from 'node:assert/strict'
import { createDecipheriv, hkdfSync } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { systemRandom } from '../../server/core/random.ts'
import { secret } from '../../server/core/secret.ts'
import { sealer } from '../../server/session/seal.ts'

const key = (kid: string, fill: number) => ({ kid, key: secret(Buffer.alloc(32, fill)) })
const make = (...keys: ReturnType<typeof key>[]) => sealer(keys, systemRandom)
const one = make(key('k1', 1))
const context: SealContext = { secret: 'S'.repeat(43), recordId: 'R', kind: 'vault', version: 3 }
const plain = Buffer.from('{"refreshToken":"rt-1"}')

test('seal › opened under the same context › the plain bytes, not stale', () => {
  assert.deepEqual(one.open(context, one.seal(context, plain)), { plain, stale: false })
})

test('seal › the same bytes twice › two different results, neither showing the plain text', () => {
  const [a, b] = [one.seal(context, plain), one.seal(context, plain)]
  assert.notDeepEqual(a, b)
  assert.equal(a.includes('rt-1'), false)
})

const moved: Readonly<Record<string, SealContext>> = {
  'another user’s record (R28)': { ...context, recordId: 'R2' },
  'another session id': { ...context, secret: 'T'.repeat(43) },
  'no session id': { ...context, secret: '' },
  'another kind': { ...context, kind: 'session' },
  'a later version, as if rolled back (R28)': { ...context, version: 4 },
  'an earlier version': { ...context, version: 2 },
  'fields that only join to the same text': { ...context, recordId: 'R"', kind: '"vault' },
}
for (const [where, other] of Object.entries(moved))
  test(`open › sealed bytes moved to ${where} › undefined`, () => {
    assert.equal(one.open(other, one.seal(context, plain)), undefined)
  })

test('open › any byte changed › undefined', () => {
  const sealed = one.seal(context, plain)
  for (let at = 0; at < sealed.length; at += 1)
    for (const bit of [1, 128]) {
      const tampered = Buffer.from(sealed)
      tampered[at] = (tampered[at] ?? 0) ^ bit
      assert.equal(one.open(context, tampered), undefined, `byte ${at}`)
    }
})

test('open › cut short or made longer › undefined', () => {
  const sealed = one.seal(context, plain)
  for (let end = 0; end < sealed.length; end += 1)
    assert.equal(one.open(context, sealed.subarray(0, end)), undefined, `${end} bytes`)
  assert.equal(one.open(context, Buffer.concat([sealed, Buffer.from([0])])), undefined)
})

test('open › under a key that is no longer the newest › opens, stale', () => {
  const old = key('2026-01', 1)
  const fresh = key('2026-02', 2)
  const rotated = make(fresh, old)
  assert.deepEqual(rotated.open(context, make(old).seal(context, plain)), { plain, stale: true })
  assert.deepEqual(rotated.open(context, rotated.seal(context, plain)), { plain, stale: false })
})

test('open › a kid that is gone, or the kid with another key › undefined', () => {
  const sealed = make(key('k9', 9)).seal(context, plain)
  assert.equal(one.open(context, sealed), undefined)
  assert.equal(make(key('k9', 8)).open(context, sealed), undefined)
})

test('open › the kid rewritten to another key of ours › undefined', () => {
  const both = make(key('a1', 1), key('a2', 1))
  const sealed = both.seal(context, plain)
  sealed[3] = '2'.charCodeAt(0)
  assert.equal(both.open(context, sealed), undefined)
})

test('seal › read with node:crypto alone › AES-256-GCM under HKDF-SHA256', () => {
  const sealed = one.seal(context, plain)
  assert.equal(sealed.toString('latin1', 0, 4), '\x01\x02k1')
  const derived = hkdfSync('sha256', Buffer.alloc(32, 1), context.secret, 'latchkey seal 1', 32)
  const decipher = createDecipheriv('aes-256-gcm', Buffer.from(derived), sealed.subarray(4, 16))
  const header = sealed.toString('base64url', 0, 4)
  decipher.setAAD(Buffer.from(JSON.stringify([header, 'R', 'vault', 3])))
  decipher.setAuthTag(sealed.subarray(16, 32))
  assert.deepEqual(Buffer.concat([decipher.update(sealed.subarray(32)), decipher.final()]), plain)
})

test('sealer › no key at all › refuses to start', () => {
  assert.throws(() => sealer([], systemRandom))
})

test('seal › more session ids than derived keys are kept for › all open', () => {
  const contexts = Array.from({ length: 5_000 }, (_, n) => ({ ...context, secret: `id ${n}` }))
  const sealed = contexts.map((each) => one.seal(each, plain))
  contexts.forEach((each, n) => {
    assert.deepEqual(one.open(each, sealed[n] ?? plain)?.plain, plain)
  })
})

const anyContext = fc.record({
  secret: fc.string({ maxLength: 100 }),
  recordId: fc.string({ unit: 'binary', maxLength: 50 }),
  kind: fc.string({ maxLength: 10 }),
  version: fc.nat(),
})
const anyBytes = fc.uint8Array({ maxLength: 2_000 }).map((bytes) => Buffer.from(bytes))

test('seal › any bytes under any context › opened there and under no other', () => {
  fc.assert(
    fc.property(anyContext, anyContext, anyBytes, (here, there, bytes) => {
      const sealed = one.seal(here, bytes)
      assert.deepEqual(one.open(here, sealed)?.plain, bytes)
      if (JSON.stringify(here) !== JSON.stringify(there))
        assert.equal(one.open(there, sealed), undefined)
    }),
    { numRuns: 2_000 },
  )
})

test('open › any bytes at all › undefined, never a throw', () => {
  fc.assert(
    fc.property(anyContext, anyBytes, (here, bytes) => {
      assert.equal(one.open(here, bytes), undefined)
      const headed = Buffer.concat([Buffer.from('\x01\x02k1', 'latin1'), bytes])
      assert.equal(one.open(here, headed), undefined)
    }),
    { numRuns: 2_000 },
  )
})
