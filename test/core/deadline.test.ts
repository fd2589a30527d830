import assert from 'node:assert/strict'
import { test } from 'node:test'
import { withDeadline } from '../../server/core/deadline.ts'
import { gate } from '../support/gate.ts'

const late = () => new RangeError('late')
const longMs = 60_000

test('withDeadline › work in time › its value', async () => {
  assert.equal(await withDeadline(Promise.resolve(7), longMs, late), 7)
})

test('withDeadline › work that fails in time › its own error', async () => {
  await assert.rejects(withDeadline(Promise.reject(new TypeError('own')), longMs, late), TypeError)
})

test('withDeadline › work that takes longer › the error of the deadline; the work goes on', async () => {
  const held = gate<string>()
  let finished = ''
  void held.promise.then((value) => (finished = value))
  await assert.rejects(withDeadline(held.promise, 1, late), RangeError)
  held.resolve('finished')
  await held.promise
  assert.equal(finished, 'finished')
})

test('withDeadline › work that fails after its deadline › is no unhandled rejection', async (t) => {
  const unhandled: unknown[] = []
  const note = (reason: unknown) => void unhandled.push(reason)
  process.on('unhandledRejection', note)
  t.after(() => process.off('unhandledRejection', note))
  const held = gate<string>()
  await assert.rejects(withDeadline(held.promise, 1, late), RangeError)
  held.reject(new Error('too late to matter'))
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(unhandled, [])
})

test('withDeadline › work in time › leaves no timer that keeps the process', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let fired = 0
  await withDeadline(Promise.resolve(1), 10, () => {
    fired += 1
    return late()
  })
  t.mock.timers.tick(20)
  assert.equal(fired, 0)
})
