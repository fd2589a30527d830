import type { Clock } from '../core/clock.ts'

type Entry<V> = { readonly value: V; readonly expiresAtMs: number }

const sweepFloor = 1_024

/** A map whose entries end by themselves, as Redis keys do; it holds at most twice what still lives. */
export const expiringMap = <V>(clock: Clock) => {
  const entries = new Map<string, Entry<V>>()
  let sweepAt = sweepFloor
  const sweep = () => {
    const nowMs = clock.nowMs()
    for (const [key, { expiresAtMs }] of entries) if (expiresAtMs <= nowMs) entries.delete(key)
    sweepAt = Math.max(sweepFloor, entries.size * 2)
  }
  const live = (key: string): Entry<V> | undefined => {
    const entry = entries.get(key)
    if (entry === undefined || entry.expiresAtMs > clock.nowMs()) return entry
    entries.delete(key)
    return undefined
  }
  return {
    get: (key: string): V | undefined => live(key)?.value,
    /** Zero when nothing stands there. */
    leftMs: (key: string): number => (live(key)?.expiresAtMs ?? clock.nowMs()) - clock.nowMs(),
    set: (key: string, value: V, lifeMs: number): void => {
      if (entries.size >= sweepAt) sweep()
      entries.set(key, { value, expiresAtMs: clock.nowMs() + Math.max(1, Math.ceil(lifeMs)) })
    },
    /** Another value, the same end. */
    replace: (key: string, value: V): void => {
      const entry = live(key)
      if (entry !== undefined) entries.set(key, { ...entry, value })
    },
    expire: (key: string, lifeMs: number): void => {
      const entry = live(key)
      if (entry !== undefined)
        entries.set(key, { value: entry.value, expiresAtMs: clock.nowMs() + lifeMs })
    },
    delete: (key: string): void => void entries.delete(key),
    /** Entries held, the ended ones that wait for the next sweep included. */
    size: (): number => entries.size,
  }
}

export type ExpiringMap<V> = ReturnType<typeof expiringMap<V>>
