import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Freshness } from '../../server/core/token-set.ts'
import { freshness, lifeSeconds, tokenKey } from '../../server/core/token-set.ts'

const yearSeconds = 31_536_000
const lives: readonly (readonly [unknown, number])[] = [
  [3_600, 3_600],
  ['3600', 3_600],
  [59.9, 59],
  [0, 0],
  [-1, 0],
  ['-1', 0],
  [Number.POSITIVE_INFINITY, yearSeconds],
  ['1e309', yearSeconds],
  [Number.MAX_SAFE_INTEGER, yearSeconds],
  [Number.NEGATIVE_INFINITY, 0],
  [Number.NaN, 300],
  ['abc', 300],
  ['', 300],
  [' ', 300],
  [undefined, 300],
  [null, 300],
  [true, 300],
  [{}, 300],
  [[3_600], 300],
]
for (const [given, seconds] of lives)
  test(`lifeSeconds › R15 expires_in ${typeof given} ${String(given)} › ${seconds}`, () => {
    assert.equal(lifeSeconds(given), seconds)
  })

test('lifeSeconds › R15 anything at all › a whole number that a date can take', () => {
  fc.assert(
    fc.property(fc.anything(), (given) => {
      const seconds = lifeSeconds(given)
      assert.ok(Number.isInteger(seconds) && seconds >= 0 && seconds <= yearSeconds)
      assert.ok(Number.isFinite(new Date((1_900_000_000 + seconds) * 1_000).getTime()))
    }),
    { numRuns: 2_000 },
  )
})

const set = (lifeMs: number) => ({
  accessToken: 'a',
  tokenType: 'Bearer' as const,
  obtainedAtMs: 1_000_000,
  expiresAtMs: 1_000_000 + lifeMs,
})
const states: readonly (readonly [
  lifeMs: number,
  ageMs: number,
  ahead: number,
  state: Freshness,
])[] = [
  [300_000, 0, 30, 'fresh'],
  [300_000, 268_999, 30, 'fresh'],
  [300_000, 269_000, 30, 'ageing'],
  [300_000, 298_999, 30, 'ageing'],
  // A second early: what is on its way then still arrives alive.
  [300_000, 299_000, 30, 'stale'],
  [300_000, 999_999, 30, 'stale'],
  [300_000, 298_999, 0, 'fresh'],
  // A third of the life at most: a token of 30 s is not always ageing, one of 3 s not always stale.
  [30_000, 19_999, 30, 'fresh'],
  [30_000, 20_000, 30, 'ageing'],
  [30_000, 28_999, 30, 'ageing'],
  [30_000, 29_000, 30, 'stale'],
  [3_000, 1_999, 30, 'fresh'],
  [3_000, 2_000, 30, 'ageing'],
  [3_000, 2_499, 30, 'ageing'],
  [3_000, 2_500, 30, 'stale'],
  [300, 249, 0, 'fresh'],
  [300, 250, 0, 'stale'],
  [0, 0, 30, 'stale'],
  // The clock went back.
  [300_000, -5_000, 30, 'fresh'],
]
for (const [lifeMs, ageMs, ahead, state] of states)
  test(`freshness › life ${lifeMs} ms, age ${ageMs} ms, ${ahead} s ahead › ${state}`, () => {
    assert.equal(freshness(set(lifeMs), 1_000_000 + ageMs, ahead), state)
  })

test('tokenKey › wants that differ in any part › never share a name', () => {
  const part = fc.option(fc.stringMatching(/^[a-z",:[\]]{0,6}$/), { nil: undefined })
  const want = fc.record({ audience: part, resource: part, scope: part })
  fc.assert(
    fc.property(want, want, (a, b) => {
      const flat = (one: typeof a) => [one.audience ?? '', one.resource ?? '', one.scope ?? '']
      assert.equal(tokenKey(a) === tokenKey(b), flat(a).every((text, i) => text === flat(b)[i])) // prettier-ignore
    }),
  )
})
