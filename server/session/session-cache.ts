import type { Clock } from '../core/clock.ts'
import type { RecordId, SessionId } from '../core/ids.ts'
import type { ChangeListener } from './backend.ts'
import { recordIdOf } from './record-id.ts'
import type { LiveSession, SessionState } from './records.ts'

export type SessionCacheDeps = {
  readonly clock: Clock
  /** Milliseconds that never jump, for the bound; the clock is for deadlines. */
  readonly monotonicMs: () => number
  /** Reads and slides; rejects with `store_unavailable`. */
  readonly read: (id: SessionId) => Promise<SessionState>
  /** News from anywhere, and of this instance's own writes. */
  readonly onChange: (listener: ChangeListener) => void
  readonly heardUntilMs: () => number
  readonly idleSeconds: number
  readonly mostBytes: number
}

type Entry = {
  readonly id: SessionId
  readonly recordId: RecordId
  readonly askedAtMs: number
  readonly reading: Promise<SessionState>
  /** Once it was read, and found live. */
  held?: Held
}

type Held = {
  readonly session: LiveSession
  readonly bytes: number
  readonly idleUntilMs: number
  readonly absoluteUntilMs: number
}

/** News that were sent longer ago than this have come, or nothing is served: what a revoked session may live on. */
const boundMs = 80
/** Whatever was heard, after this the store is asked: a failover may leave us listening to the old master. */
const longestMs = 1_000
/** Calls that come together share one look into the store. */
const sharedMs = 20

/**
 * Opened sessions, held for a second at most, so that a stream of calls costs one look into the store. A call that starts
 * 100 ms after a logout has answered is refused on every instance: an entry serves only while all news up to 80 ms ago
 * has surely been heard, and an answer that news overtook is not kept.
 */
export const sessionCache = (deps: SessionCacheDeps) => {
  const entries = cacheEntries(deps.mostBytes)
  deps.onChange((changed) => {
    if (changed === 'all') entries.clear()
    else entries.forget(changed)
  })
  const look = (id: SessionId, nowMs: number): Promise<SessionState> => {
    const reading = deps.read(id)
    const entry: Entry = { id, recordId: recordIdOf(id), askedAtMs: nowMs, reading }
    entries.add(entry)
    reading.then(
      (state) => {
        if (state.kind === 'live') entries.hold(entry, heldOf(state, deps.clock.nowMs()))
        else entries.drop(entry)
      },
      () => entries.drop(entry),
    )
    return reading
  }
  return (id: SessionId): Promise<SessionState> | LiveSession => {
    const nowMs = deps.monotonicMs()
    const heardUntilMs = deps.heardUntilMs()
    const entry = entries.get(id)
    if (entry === undefined) return look(id, nowMs)
    const ageMs = nowMs - entry.askedAtMs
    const { held } = entry
    if (held === undefined) return ageMs <= sharedMs ? entry.reading : look(id, nowMs)
    const isSure = ageMs <= longestMs && nowMs - Math.max(heardUntilMs, entry.askedAtMs) <= boundMs
    return isSure && !isDue(held, deps) ? held.session : look(id, nowMs)
  }
}

const heldOf = (session: LiveSession, nowMs: number): Held => ({
  session,
  bytes: sizeOf(session),
  idleUntilMs: nowMs + session.idleLeftMs,
  absoluteUntilMs: nowMs + session.absoluteLeftMs,
})

const entryBytes = 2_048

/** Sealed, and opened to text of two bytes a character. */
const sizeOf = ({ vault }: LiveSession): number => entryBytes + 3 * (vault?.sealed.length ?? 0)

/** Over, or its idle deadline is to be moved: the store does both. At the absolute deadline there is nothing to move. */
const isDue = (
  { idleUntilMs, absoluteUntilMs }: Held,
  { clock, idleSeconds }: SessionCacheDeps,
): boolean => {
  const nowMs = clock.nowMs()
  if (nowMs >= idleUntilMs) return true
  return idleUntilMs < absoluteUntilMs && idleUntilMs - nowMs < idleSeconds * 900
}

/** Entries by both of their names, the oldest dropped when they grow too large. */
const cacheEntries = (mostBytes: number) => {
  const byId = new Map<SessionId, Entry>()
  const byRecord = new Map<RecordId, Entry>()
  let bytes = 0
  const drop = (entry: Entry): void => {
    if (byId.get(entry.id) !== entry) return
    byId.delete(entry.id)
    byRecord.delete(entry.recordId)
    bytes -= bytesOf(entry)
  }
  return {
    get: (id: SessionId) => byId.get(id),
    forget: (id: RecordId): void => {
      const entry = byRecord.get(id)
      if (entry !== undefined) drop(entry)
    },
    drop,
    add: (entry: Entry): void => {
      const before = byId.get(entry.id)
      if (before !== undefined) drop(before)
      byId.set(entry.id, entry)
      byRecord.set(entry.recordId, entry)
      bytes += bytesOf(entry)
    },
    /** Unless news, or a later look, took the entry's place. */
    hold: (entry: Entry, held: Held): void => {
      if (byId.get(entry.id) !== entry) return
      bytes -= bytesOf(entry)
      entry.held = held
      bytes += bytesOf(entry)
      for (const oldest of byId.values())
        if (bytes > mostBytes) drop(oldest)
        else return
    },
    clear: (): void => {
      byId.clear()
      byRecord.clear()
      bytes = 0
    },
  }
}

const bytesOf = ({ held }: Entry): number => held?.bytes ?? entryBytes
