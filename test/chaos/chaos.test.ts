import assert from 'node:assert/strict'
import { test } from 'node:test'
import { redisLane } from '../support/redis-server.ts'
import { chance, seedFrom } from './random.ts'
import { scenarios, shortSizes } from './suite.ts'

const promises: Record<string, string> = {
  storm: 'R12 chaos › tokens that run out under parallel calls › one grant for each',
  slow: 'R12 R14 chaos › a token endpoint that takes its time › bounds who waits, and nobody is logged out',
  logout: 'R13 chaos › logout against calls, refreshes and slides › nothing comes back',
  coherence:
    'R13 chaos › news of a logout cut, late or held up › no session is served from memory 100 ms after',
  kills: 'R12 R14 chaos › a broker killed at any step › costs the refresh it was at, at most',
  redis: 'R28 chaos › Redis killed and frozen › 503 in time, and it heals by itself',
  sentinel: 'R28 chaos › a failover by Sentinel › 503 in time, and no session is lost',
  provider: 'R14 chaos › a provider that is away › is spared, and nobody is logged out',
  mix: 'R12 R13 R14 R28 chaos › all faults at once › the history has no violation',
}

const seed = seedFrom(process.env)

for (const { name, run } of scenarios)
  test(promises[name] ?? name, { ...redisLane(), timeout: 120_000 }, async (t) => {
    t.diagnostic(`CHAOS_SEED=${seed}`)
    const { faults, gaps, facts } = await run(t, shortSizes, chance(seed))
    t.diagnostic(JSON.stringify(facts))
    assert.deepEqual(faults, [], `CHAOS_SEED=${seed}`)
    await t.test('known gaps', { todo: gaps.length > 0 }, () => assert.deepEqual(gaps, []))
  })
