import assert from 'node:assert/strict'
import type { SessionId } from '../../server/core/ids.ts'
import { parseSessionId } from '../../server/core/ids.ts'
import type { ChangeListener } from '../../server/session/backend.ts'
import type { LiveSession, SessionState } from '../../server/session/records.ts'
import { recordIdOf } from '../../server/session/record-id.ts'
import { sessionCache } from '../../server/session/session-cache.ts'

export const idOf = (letter: string): SessionId => {
  const id = parseSessionId(letter.repeat(43))
  assert.ok(id !== undefined)
  return id
}
export const id = idOf('a')
export const other = idOf('b')

export const live = (leftMs = 1_800_000, absoluteLeftMs = 43_200_000, of = id): LiveSession => ({
  kind: 'live',
  id: of,
  recordId: recordIdOf(of),
  // The cache does not look inside.
  facts: {} as LiveSession['facts'],
  record: { version: 1, sealed: Buffer.alloc(300) },
  vault: { version: 1, sealed: Buffer.alloc(1_000) },
  idleLeftMs: leftMs,
  absoluteLeftMs,
})

/** A cache with a store and a time of the test's own. */
export const setUp = (
  options: { readonly mostBytes?: number; readonly idleSeconds?: number } = {},
) => {
  const time = {
    nowMs: 1_000,
    clockAheadMs: 0,
    heardMs: Number.POSITIVE_INFINITY,
    soon: [] as (() => void)[],
  }
  const store = {
    reads: 0,
    again: [] as LiveSession[],
    answer: (): Promise<SessionState> => Promise.resolve(live()),
  }
  let tell: ChangeListener = () => undefined
  const read = sessionCache({
    clock: { nowMs: () => time.nowMs + time.clockAheadMs },
    monotonicMs: () => time.nowMs,
    read: () => {
      store.reads += 1
      return store.answer()
    },
    readAgain: (before) => {
      store.reads += 1
      store.again.push(...before)
      return Promise.all(before.map(store.answer))
    },
    soon: (run) => void time.soon.push(run),
    onChange: (listener) => {
      tell = listener
      return () => undefined
    },
    heardUntilMs: () => Math.min(time.heardMs, time.nowMs),
    idleSeconds: options.idleSeconds ?? 1_800,
    mostBytes: options.mostBytes ?? 1_000_000,
  })
  return { read, time, store, tell: (changed: Parameters<ChangeListener>[0]) => tell(changed) }
}
