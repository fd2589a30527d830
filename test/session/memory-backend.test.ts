import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expiringMap } from '../../server/session/expiring-map.ts'
import { memoryBackend } from '../../server/session/memory-backend.ts'
import { backendContract, someId } from '../support/backend-contract.ts'

let nowMs = 1_800_000_000_000
const clock = { nowMs: () => nowMs }
const advance = (ms: number) => {
  nowMs += ms
}

backendContract('memory', { make: () => memoryBackend({ clock }), advance })

const hourMs = 3_600_000
for (const [absoluteSeconds, stillMs, goneMs] of [
  [60, hourMs - 1, hourMs + 1],
  [7_200, 2 * hourMs - 1, 2 * hourMs + 1],
] as const)
  test(`memoryBackend › ended with ${absoluteSeconds} s left › the tombstone stands that long, an hour at least`, async () => {
    const backend = memoryBackend({ clock })
    const id = someId()
    await backend.end(id, 'session_revoked', absoluteSeconds)
    advance(stillMs)
    assert.equal((await backend.read(id)).kind, 'ended')
    advance(goneMs - stillMs)
    assert.equal((await backend.read(id)).kind, 'missing')
  })

test('memoryBackend › a login was taken › its return part goes after 600 s', async () => {
  const backend = memoryBackend({ clock })
  const part = Buffer.from('part')
  await backend.putLogin('owner', 'state', { pending: part, return: part, ttlMs: 60_000, cap: 20 })
  await backend.takeLogin('owner', 'state')
  advance(599_999)
  assert.deepEqual((await backend.takeLogin('owner', 'state')).return, part)
  advance(2)
  assert.equal((await backend.takeLogin('owner', 'state')).return, undefined)
})

test('memoryBackend › the caller reuses its buffer › what is stored stays', async () => {
  const backend = memoryBackend({ clock })
  const sealed = Buffer.from('sealed')
  await backend.put('key', sealed, 1_000)
  sealed.fill(0)
  assert.equal((await backend.take('key'))?.toString(), 'sealed')
})

test('expiringMap › 100 000 short-lived entries › ended ones do not pile up', () => {
  const map = expiringMap<number>(clock)
  for (let n = 0; n < 100_000; n += 1) {
    map.set(`key ${n}`, n, 100)
    advance(1)
  }
  assert.ok(map.size() <= 1_100, `${map.size()}`)
})
