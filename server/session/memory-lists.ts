import type { Clock } from '../core/clock.ts'
import type { RecordId } from '../core/ids.ts'
import type { Backend } from './backend.ts'
import { expiringMap } from './expiring-map.ts'

/** Lists of sessions, marks and once-only keys, as on Redis. */
export const listVerbs = (clock: Clock) => {
  const lists = expiringMap<ReadonlyMap<RecordId, number>>(clock)
  const marks = expiringMap<number>(clock)
  const once = expiringMap<true>(clock)
  return {
    addToList: (list, id, lifeMs) => {
      const nowMs = clock.nowMs()
      const live = [...(lists.get(list) ?? [])].filter(([, endMs]) => endMs > nowMs)
      const entries = new Map([...live, [id, nowMs + lifeMs] as const])
      lists.set(list, entries, Math.max(lifeMs, lists.leftMs(list)))
      return Promise.resolve()
    },
    listed: (list) => Promise.resolve([...(lists.get(list)?.keys() ?? [])]),
    raiseMark: (mark, value, ttlMs) => {
      marks.set(mark, Math.max(value, marks.get(mark) ?? 0), Math.max(ttlMs, marks.leftMs(mark)))
      return Promise.resolve()
    },
    markOf: (mark) => Promise.resolve(marks.get(mark)),
    putOnce: (key, ttlMs) => {
      const first = once.get(key) === undefined
      if (first) once.set(key, true, ttlMs)
      return Promise.resolve(first)
    },
  } satisfies Partial<Backend>
}
