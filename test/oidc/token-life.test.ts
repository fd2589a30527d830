import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readTokens } from '../../server/oidc/token-answer.ts'

const lifeOf = (expiresIn: number, waitedMs: number): number => {
  const nowMs = 1_000_000
  const answer = { access_token: 'a', token_type: 'bearer', expires_in: expiresIn } as const
  const { tokenSet } = readTokens(answer, { askedAtMs: nowMs - waitedMs, nowMs })
  return tokenSet.expiresAtMs - nowMs
}

for (const [situation, expiresIn, waitedMs, leftMs] of [
  ['an answer at once', 300, 0, 300_000],
  ['an answer that took long', 300, 7_000, 293_000],
  ['an answer that took longer than its token lives', 10, 60_000, 5_000],
  ['a clock that was set back meanwhile', 300, -5_000, 300_000],
] as const)
  test(`readTokens › ${situation} (AT-x) › the token ends ${leftMs} ms from now`, () => {
    assert.equal(lifeOf(expiresIn, waitedMs), leftMs)
  })
