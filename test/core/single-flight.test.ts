import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pendingWork, singleFlight } from '../../server/core/single-flight.ts'
import { gate } from '../support/gate.ts'

const boom = new Error('boom')

test('singleFlight › 50 calls for one key › one start, one answer for all', async () => {
  const flight = singleFlight<object>()
  const held = gate<object>()
  let starts = 0
  const start = () => {
    starts += 1
    return held.promise
  }
  const calls = Array.from({ length: 50 }, () => flight('a', start))
  const answer = {}
  held.resolve(answer)
  assert.ok((await Promise.all(calls)).every((one) => one === answer))
  assert.equal(starts, 1)
})

test('singleFlight › two keys › do not wait for each other', async () => {
  const flight = singleFlight<string>()
  const held = gate<string>()
  const slow = flight('a', () => held.promise)
  assert.equal(await flight('b', () => Promise.resolve('b')), 'b')
  held.resolve('a')
  assert.equal(await slow, 'a')
})

test('singleFlight › after the answer › the next call starts anew', async () => {
  const flight = singleFlight<number>()
  let starts = 0
  const start = () => Promise.resolve((starts += 1))
  assert.equal(await flight('a', start), 1)
  assert.equal(await flight('a', start), 2)
})

test('singleFlight › a failure › is for everyone who waits, and not kept', async () => {
  const flight = singleFlight<number>()
  const held = gate<number>()
  const calls = [flight('a', () => held.promise), flight('a', () => held.promise)]
  held.reject(boom)
  for (const call of calls) await assert.rejects(call, boom)
  assert.equal(await flight('a', () => Promise.resolve(1)), 1)
})

test('singleFlight › a start that throws at once › leaves the key free', async () => {
  const flight = singleFlight<number>()
  const start = (): Promise<number> => {
    throw boom
  }
  assert.throws(() => flight('a', start), boom)
  assert.equal(await flight('a', () => Promise.resolve(1)), 1)
})

test('pendingWork › nothing added › is settled', async () => {
  await pendingWork().settled()
})

test('pendingWork › work that fails and work that adds more › is all waited for', async () => {
  const work = pendingWork()
  const done: string[] = []
  const held = gate<undefined>()
  void work.add(
    held.promise.then(() => {
      done.push('first')
      void work.add(Promise.resolve().then(() => done.push('second')))
    }),
  )
  const failing = work.add(Promise.reject(boom))
  const settled = work.settled().then(() => done.push('settled'))
  await assert.rejects(failing, boom)
  assert.deepEqual(done, [])
  held.resolve(undefined)
  await settled
  assert.deepEqual(done, ['first', 'second', 'settled'])
})

test('pendingWork › a failure that somebody handles elsewhere › is not unhandled here', async (t) => {
  const unhandled: unknown[] = []
  const note = (reason: unknown) => void unhandled.push(reason)
  process.on('unhandledRejection', note)
  t.after(() => process.off('unhandledRejection', note))
  const work = pendingWork()
  const failing = work.add(Promise.reject(boom))
  failing.catch(() => undefined)
  await work.settled()
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(unhandled, [])
})
