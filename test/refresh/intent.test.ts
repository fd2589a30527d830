import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IntentVerdict } from '../../server/refresh/intent.ts'
import { judgeIntent } from '../../server/refresh/intent.ts'
import type { RefreshIntent } from '../../server/session/data.ts'

const nowMs = 1_800_000_000_000
const sent = (agoMs: number, more: Partial<RefreshIntent> = {}): RefreshIntent => ({
  fence: 7,
  atMs: nowMs - agoMs,
  ...more,
})

const table: readonly (readonly [string, RefreshIntent | undefined, number, IntentVerdict])[] = [
  ['no intent', undefined, 0, 'send'],
  ['an intent nobody has looked at yet', sent(60_000), 0, 'wait'],
  ['an orphan seen 4 s ago', sent(60_000, { orphanSeenAtMs: nowMs - 4_000 }), 0, 'wait'],
  ['an orphan seen 5 s ago', sent(60_000, { orphanSeenAtMs: nowMs - 5_000 }), 0, 'in_doubt'],
  ['an outcome nobody knows', sent(1, { outcome: 'unknown' }), 0, 'in_doubt'],
  ['an unknown outcome within the leeway', sent(8_000, { outcome: 'unknown' }), 10, 'send'],
  ['one at the end of the leeway', sent(9_500, { outcome: 'unknown' }), 10, 'in_doubt'],
  ['an orphan within the leeway', sent(2_000), 10, 'send'],
  ['a leeway of one second, which skew eats', sent(0, { outcome: 'unknown' }), 1, 'in_doubt'],
]

for (const [name, intent, leewaySeconds, verdict] of table)
  test(`judgeIntent › ${name}, leeway ${leewaySeconds} s › ${verdict}`, () => {
    assert.equal(judgeIntent(intent, nowMs, leewaySeconds), verdict)
  })
