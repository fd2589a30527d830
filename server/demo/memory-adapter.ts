import type { Clock } from '../core/clock.ts'

type Payload = Readonly<Record<string, unknown>>
type Entry = { readonly model: string; readonly payload: Payload; readonly endsAtMs: number }

/** What oidc-provider asks of its storage, one per model; it awaits every answer. */
export type Adapter = {
  readonly upsert: (id: string, payload: Payload, expiresInSeconds?: number) => void
  readonly find: (id: string) => Payload | undefined
  readonly findByUid: (uid: string) => Payload | undefined
  readonly consume: (id: string) => void
  readonly destroy: (id: string) => void
  readonly revokeByGrantId: (grantId: string) => void
}

export type MemoryAdapterOptions = { readonly maxRecords: number; readonly clock: Clock }

/** Storage of an oidc-provider in one process: at most so many records, the longest unused goes first. */
export const memoryAdapter = ({ maxRecords, clock }: MemoryAdapterOptions) => {
  const entries = new Map<string, Entry>()

  const put = (key: string, entry: Entry) => {
    entries.delete(key)
    entries.set(key, entry)
    for (const oldest of entries.keys()) {
      if (entries.size <= maxRecords) return
      entries.delete(oldest)
    }
  }

  const live = (key: string): Entry | undefined => {
    const entry = entries.get(key)
    if (entry === undefined) return undefined
    if (entry.endsAtMs > clock.nowMs()) return entry
    entries.delete(key)
    return undefined
  }

  const search = (model: string, field: string, value: string): Payload | undefined => {
    for (const [key, entry] of entries)
      if (entry.model === model && entry.payload[field] === value) return live(key)?.payload
    return undefined
  }

  return (model: string): Adapter =>
    adapterOf(model, { entries, put, live, search, nowMs: clock.nowMs })
}

type Store = {
  readonly entries: Map<string, Entry>
  readonly put: (key: string, entry: Entry) => void
  readonly live: (key: string) => Entry | undefined
  readonly search: (model: string, field: string, value: string) => Payload | undefined
  readonly nowMs: () => number
}

const adapterOf = (model: string, { entries, put, live, search, nowMs }: Store): Adapter => {
  const keyOf = (id: string) => `${model}:${id}`
  return {
    upsert: (id, payload, expiresInSeconds = Infinity) => {
      put(keyOf(id), { model, payload, endsAtMs: nowMs() + expiresInSeconds * 1_000 })
    },
    find: (id) => {
      const entry = live(keyOf(id))
      if (entry !== undefined) put(keyOf(id), entry)
      return entry?.payload
    },
    findByUid: (uid) => search(model, 'uid', uid),
    consume: (id) => {
      const entry = live(keyOf(id))
      const consumed = Math.floor(nowMs() / 1_000)
      if (entry !== undefined) put(keyOf(id), { ...entry, payload: { ...entry.payload, consumed } })
    },
    destroy: (id) => {
      entries.delete(keyOf(id))
    },
    revokeByGrantId: (grantId) => {
      for (const [key, entry] of entries)
        if (entry.model === model && entry.payload['grantId'] === grantId) entries.delete(key)
    },
  }
}
