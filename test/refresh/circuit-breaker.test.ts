import assert from 'node:assert/strict'
import { test } from 'node:test'
import { circuitBreaker } from '../../server/refresh/circuit-breaker.ts'
import { capturedLog } from '../support/captured-log.ts'

const setUp = () => {
  let nowMs = 1_000_000
  const { log, text } = capturedLog()
  const breaker = circuitBreaker({ nowMs: () => nowMs }, log)
  const pass = (ms: number) => {
    nowMs += ms
  }
  const failTimes = (times: number) => {
    for (let i = 0; i < times; i += 1) breaker.failed()
  }
  return { breaker, pass, failTimes, text }
}

test('circuitBreaker › four failures in a row › the provider is still asked', () => {
  const { breaker, failTimes } = setUp()
  failTimes(4)
  assert.equal(breaker.enter(), 0)
})

test('circuitBreaker › five failures in a row › a rest of 1 s, then one probe at a time', () => {
  const { breaker, pass, failTimes } = setUp()
  failTimes(5)
  assert.equal(breaker.enter(), 1_000)
  pass(1_000)
  assert.equal(breaker.enter(), 0)
  assert.equal(breaker.enter(), 2_000)
  pass(2_000)
  assert.equal(breaker.enter(), 0)
})

test('circuitBreaker › probes fail › rests grow to 10 s and no further', () => {
  const { breaker, pass, failTimes } = setUp()
  failTimes(5)
  const rests: number[] = []
  for (let i = 0; i < 6; i += 1) {
    pass(20_000)
    assert.equal(breaker.enter(), 0)
    breaker.failed()
    rests.push(breaker.enter())
  }
  assert.deepEqual(rests, [2_000, 4_000, 8_000, 10_000, 10_000, 10_000])
})

test('circuitBreaker › one success › everything is as at the start', () => {
  const { breaker, failTimes } = setUp()
  failTimes(7)
  breaker.succeeded()
  assert.equal(breaker.enter(), 0)
  failTimes(4)
  assert.equal(breaker.enter(), 0)
})

for (const [asked, restMs] of [
  [0, 0],
  [3, 3_000],
  [86_400, 30_000],
] as const)
  test(`circuitBreaker › Retry-After: ${asked} › a rest of ${restMs} ms at the first failure`, () => {
    const { breaker } = setUp()
    breaker.failed(asked)
    assert.equal(breaker.enter(), restMs)
  })

test('circuitBreaker › opens, fails on and closes › one line each way', () => {
  const { breaker, failTimes, text } = setUp()
  failTimes(9)
  breaker.succeeded()
  breaker.succeeded()
  assert.equal(text().match(/is spared/g)?.length, 1)
  assert.equal(text().match(/answers again/g)?.length, 1)
})
