import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { BrokerError } from '../../server/core/errors.ts'
import { recordIdOf } from '../../server/session/record-id.ts'
import { id, other, setUp } from '../support/session-cache.ts'

test('sessionCache › a session in use › is looked up anew while it serves, and nobody waits', async () => {
  const { read, store, time } = setUp()
  for (const one of [id, other]) await read(one)
  const first = await read(id)
  time.nowMs += 901
  for (const one of [id, other, id]) await read(one)
  assert.equal(time.soon.length, 1, 'one look for all')
  assert.equal(store.reads, 2)
  time.soon.pop()?.()
  assert.equal(read(id), first, 'serves until the answer is there')
  await setImmediate()
  assert.equal(store.reads, 3)
  time.nowMs += 699
  assert.notEqual(await read(id), first)
  assert.deepEqual([store.reads, time.soon.length], [3, 0])
})

for (const news of ['a logout', 'everything'] as const)
  test(`sessionCache › news of ${news} overtakes the next look › its answer is not kept`, async () => {
    const { read, store, time, tell } = setUp()
    await read(id)
    time.nowMs += 901
    await read(id)
    time.soon.pop()?.()
    tell(news === 'a logout' ? recordIdOf(id) : 'all')
    await setImmediate()
    store.answer = () => Promise.resolve({ kind: 'ended', reason: 'session_revoked' })
    assert.equal((await read(id)).kind, 'ended')
  })

test('sessionCache › the next look finds the session over › no call is served after that', async () => {
  const { read, store, time } = setUp()
  await read(id)
  time.nowMs += 901
  await read(id)
  store.answer = () => Promise.resolve({ kind: 'ended', reason: 'session_revoked' })
  time.soon.pop()?.()
  await setImmediate()
  assert.equal((await read(id)).kind, 'ended')
})

test('sessionCache › the next look fails › the entry serves for its second, and no longer', async () => {
  const { read, store, time } = setUp()
  const first = await read(id)
  time.nowMs += 901
  await read(id)
  store.answer = () => Promise.reject(new BrokerError('store_unavailable'))
  time.soon.pop()?.()
  await setImmediate()
  assert.equal(read(id), first)
  time.nowMs += 300
  await assert.rejects(async () => await read(id), { code: 'store_unavailable' })
})
