import assert from 'node:assert/strict'
import { test } from 'node:test'
import { calmLog } from '../../server/core/calm-log.ts'
import { BrokerError } from '../../server/core/errors.ts'
import type { FailureCode } from '../../server/core/failures.ts'
import { capturedLog } from '../support/captured-log.ts'

const setUp = () => {
  let nowMs = 1_000_000
  const { log, text } = capturedLog()
  const calm = calmLog(log, { nowMs: () => nowMs })
  const fail = (code: FailureCode) => calm.error({ err: new BrokerError(code) }, 'call failed')
  const lines = (level: number) =>
    text()
      .split('\n')
      .filter((line) => line.includes(`"level":${level}`))
      .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
  const pass = (ms: number) => {
    nowMs += ms
  }
  return { fail, lines, pass }
}

test('calmLog › a thousand calls in one outage › one line at error, the others at debug', () => {
  const { fail, lines } = setUp()
  for (let i = 0; i < 1_000; i += 1) fail('store_unavailable')
  assert.equal(lines(50).length, 1)
  assert.equal(lines(20).length, 999)
})

test('calmLog › the outage lasts › a line each ten seconds that counts what it stands for', () => {
  const { fail, lines, pass } = setUp()
  for (let i = 0; i < 8; i += 1) fail('idp_unavailable')
  pass(10_000)
  fail('idp_unavailable')
  assert.deepEqual(
    lines(50).map(({ more }) => more),
    [undefined, 7],
  )
})

test('calmLog › another outage, and a fault of ours › neither is hidden by the first', () => {
  const { fail, lines } = setUp()
  fail('idp_unavailable')
  fail('store_unavailable')
  for (let i = 0; i < 3; i += 1) fail('internal_error')
  assert.equal(lines(50).length, 5)
})
