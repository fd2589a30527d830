import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../server/core/clock.ts'
import { asRecordId } from '../../server/core/ids.ts'
import { silentLog } from '../../server/core/log.ts'
import type { Backend } from '../../server/session/backend.ts'
import { memoryBackend } from '../../server/session/memory-backend.ts'
import { refreshTurns } from '../../server/refresh/turns.ts'

const someId = () => asRecordId(randomBytes(32).toString('base64url'))

const turnsOver = (backend: Backend) =>
  refreshTurns({
    clock: systemClock,
    log: silentLog,
    lock: (id, holdMs) => backend.lock(id, 'refresh', holdMs),
    extend: (id, fence, holdMs) => backend.extend(id, 'refresh', fence, holdMs),
    unlock: (id, fence) => backend.unlock(id, 'refresh', fence),
    onChange: backend.onChange,
  })

const nothing = () => Promise.resolve(undefined)

test('refreshTurns › free › a turn, and after its end the next with a larger fence', async () => {
  const takeTurn = turnsOver(memoryBackend({ clock: systemClock }))
  const id = someId()
  const first = await takeTurn({ id, patienceMs: 0, look: nothing })
  assert.ok(first.kind === 'turn')
  assert.deepEqual(await takeTurn({ id, patienceMs: 0, look: nothing }), { kind: 'taken' })
  await first.turn.end()
  const second = await takeTurn({ id, patienceMs: 0, look: nothing })
  assert.ok(second.kind === 'turn' && second.turn.fence > first.turn.fence)
  await second.turn.end()
})

test('refreshTurns › another instance is done › the waiting one is woken, and served by a look', async () => {
  const backend = memoryBackend({ clock: systemClock })
  const [here, there] = [turnsOver(backend), turnsOver(backend)]
  const id = someId()
  const first = await here({ id, patienceMs: 0, look: nothing })
  assert.ok(first.kind === 'turn')
  const store: { token?: string } = {}
  const startMs = performance.now()
  const waiting = there({ id, patienceMs: 5_000, look: () => Promise.resolve(store.token) })
  await sleep(20)
  store.token = 'a token'
  await first.turn.end()
  assert.deepEqual(await waiting, { kind: 'served', value: 'a token' })
  // Sooner than the look that it would take without the news.
  assert.ok(performance.now() - startMs < 200)
})

test('refreshTurns › the look fails › the waiting one fails with it', async () => {
  const takeTurn = turnsOver(memoryBackend({ clock: systemClock }))
  const id = someId()
  const first = await takeTurn({ id, patienceMs: 0, look: nothing })
  const look = () => Promise.reject(new Error('session over'))
  await assert.rejects(takeTurn({ id, patienceMs: 5_000, look }), /session over/)
  if (first.kind === 'turn') await first.turn.end()
})

test('refreshTurns › the holder lives on › its turn outlives the lock; it is dead › the turn is free', async () => {
  let nowMs = 0
  const backend = memoryBackend({ clock: { nowMs: () => nowMs } })
  const takeTurn = turnsOver(backend)
  const id = someId()
  const first = await takeTurn({ id, patienceMs: 0, look: nothing })
  assert.ok(first.kind === 'turn')
  nowMs += 5_000
  // One sign of life.
  await sleep(1_700)
  nowMs += 5_000
  assert.equal((await takeTurn({ id, patienceMs: 0, look: nothing })).kind, 'taken')
  nowMs += 6_000
  const second = await takeTurn({ id, patienceMs: 0, look: nothing })
  assert.ok(second.kind === 'turn')
  await first.turn.end()
  await second.turn.end()
})

test('R28 refreshTurns › the store is away when a turn ends › the lock is freed once it is back', async () => {
  const backend = memoryBackend({ clock: systemClock })
  const id = someId()
  let away = 2
  const takeTurn = refreshTurns({
    clock: systemClock,
    log: silentLog,
    lock: (of, holdMs) => backend.lock(of, 'refresh', holdMs),
    extend: (of, fence, holdMs) => backend.extend(of, 'refresh', fence, holdMs),
    unlock: (of, fence) => {
      away -= 1
      if (away >= 0) return Promise.reject(new Error('away'))
      return backend.unlock(of, 'refresh', fence)
    },
    onChange: backend.onChange,
  })
  const first = await takeTurn({ id, patienceMs: 0, look: nothing })
  assert.ok(first.kind === 'turn')
  await first.turn.end()
  const second = await takeTurn({ id, patienceMs: 0, look: nothing })
  assert.ok(second.kind === 'turn')
  await second.turn.end()
})
