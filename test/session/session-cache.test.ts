import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { SessionState } from '../../server/session/records.ts'
import { recordIdOf } from '../../server/session/record-id.ts'
import { id, other, live, setUp, idOf } from '../support/session-cache.ts'

test('sessionCache › a thousand calls within a second › one look into the store', async () => {
  const { read, store, time } = setUp()
  for (let i = 0; i < 1_000; i += 1) {
    time.nowMs += 1
    assert.equal((await read(id)).kind, 'live')
  }
  assert.equal(store.reads, 1)
  time.nowMs += 2
  await read(id)
  assert.equal(store.reads, 2)
})

test('sessionCache › a session is looked up again › the store is told what is known of it', async () => {
  const { read, store, time, tell } = setUp()
  const first = await read(id)
  time.nowMs += 1_500
  await read(id)
  assert.deepEqual(store.again, [first])
  tell(recordIdOf(id))
  await read(id)
  assert.equal(store.again.length, 1, 'after news it is read whole')
  time.nowMs += 1_500
  await Promise.all([read(id), read(id)])
  assert.equal(store.again.length, 2)
})

test('sessionCache › nobody came back for a session › it is forgotten after some seconds', async () => {
  const { read, store, time } = setUp()
  await read(id)
  time.nowMs += 5_001
  await read(other)
  await read(id)
  assert.deepEqual([store.reads, store.again.length], [3, 0])
})

test('sessionCache › news of the session, or of all › the store is asked again', async () => {
  const { read, store, tell } = setUp()
  for (const changed of [recordIdOf(id), 'all'] as const) {
    await read(id)
    tell(changed)
  }
  store.answer = () => Promise.resolve({ kind: 'ended', reason: 'session_revoked' })
  assert.equal((await read(id)).kind, 'ended')
  assert.equal(store.reads, 3)
})

test('sessionCache › the channel is cut or late › nothing serves for longer than the bound', async () => {
  const { read, store, time } = setUp()
  await read(id)
  time.heardMs = time.nowMs
  time.nowMs += 80
  await read(id)
  assert.equal(store.reads, 1)
  time.nowMs += 1
  await read(id)
  assert.equal(store.reads, 2)
})

test('sessionCache › news overtakes an answer on its way › the answer is not kept', async () => {
  const { read, store, tell } = setUp()
  let answer = (_state: SessionState): void => undefined
  store.answer = () => new Promise((resolve) => (answer = resolve))
  const call = read(id)
  tell(recordIdOf(id))
  answer(live())
  assert.equal((await call).kind, 'live')
  store.answer = () => Promise.resolve({ kind: 'ended', reason: 'session_revoked' })
  assert.equal((await read(id)).kind, 'ended')
})

test('sessionCache › calls at once › share a look that has just begun, and none that is older', async () => {
  const { read, store, time } = setUp()
  const answers: ((state: SessionState) => void)[] = []
  store.answer = () => new Promise((resolve) => answers.push(resolve))
  const together = [read(id), read(id), read(id)]
  time.nowMs += 21
  const later = read(id)
  assert.equal(store.reads, 2)
  for (const answer of answers) answer(live())
  for (const call of [...together, later]) assert.equal((await call).kind, 'live')
})

test('sessionCache › a tenth of the idle time is over › the store slides the deadline', async () => {
  const { read, store, time } = setUp({ idleSeconds: 2 })
  store.answer = () => Promise.resolve(live(2_000))
  await read(id)
  time.nowMs += 200
  await read(id)
  assert.equal(store.reads, 1)
  time.nowMs += 1
  await read(id)
  assert.equal(store.reads, 2)
})

test('sessionCache › the absolute deadline is near › serves until it, and no longer', async () => {
  const { read, store, time } = setUp()
  store.answer = () => Promise.resolve(live(500, 500))
  await read(id)
  time.nowMs += 499
  await read(id)
  assert.equal(store.reads, 1)
  time.nowMs += 1
  await read(id)
  assert.equal(store.reads, 2)
})

test('sessionCache › the answer was on its way for long › the deadline counts from the asking', async () => {
  const { read, store, time } = setUp()
  let answer = (_state: SessionState): void => undefined
  store.answer = () => new Promise((resolve) => (answer = resolve))
  const call = read(id)
  time.nowMs += 400
  answer(live(500, 500))
  await call
  time.nowMs += 99
  await read(id)
  assert.equal(store.reads, 1)
  time.nowMs += 1
  void read(id)
  assert.equal(store.reads, 2)
})

test('sessionCache › the clock is set back › the deadline stays where it was', async () => {
  const { read, store, time } = setUp()
  store.answer = () => Promise.resolve(live(500, 500))
  await read(id)
  time.clockAheadMs = -3_600_000
  time.nowMs += 500
  await read(id)
  assert.equal(store.reads, 2)
})

test('sessionCache › the machine was suspended, and the monotonic clock with it › the store is asked', async () => {
  const { read, store, time } = setUp()
  await read(id)
  time.clockAheadMs = 90
  time.nowMs += 1
  await read(id)
  assert.equal(store.reads, 2)
  await read(id)
  assert.equal(store.reads, 2)
})

test('sessionCache › the store fails › the failure is the call’s, and is not kept', async () => {
  const { read, store } = setUp()
  store.answer = () => Promise.reject(new Error('down'))
  await assert.rejects(async () => await read(id), /down/)
  store.answer = () => Promise.resolve(live())
  assert.equal((await read(id)).kind, 'live')
})

test('sessionCache › more sessions than fit › the oldest go first', async () => {
  const { read, store } = setUp({ mostBytes: 12_000 })
  const ids = ['a', 'b', 'c'].map(idOf)
  for (const one of ids) {
    store.answer = () => Promise.resolve(live(1_800_000, 43_200_000, one))
    await read(one)
  }
  store.reads = 0
  await read(idOf('c'))
  assert.equal(store.reads, 0)
  await read(idOf('a'))
  assert.equal(store.reads, 1)
})
