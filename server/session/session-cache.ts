import type { Clock } from '../core/clock.ts'
import type { RecordId, SessionId } from '../core/ids.ts'
import type { ChangeListener } from './backend.ts'
import { recordIdOf } from './record-id.ts'
import type { LiveSession, SessionState } from './records.ts'

export type SessionCacheDeps = {
  readonly clock: Clock
  /** Milliseconds that never jump; beside the clock, which does not stand still while the machine is suspended. */
  readonly monotonicMs: () => number
  /** Reads and slides; rejects with `store_unavailable`. */
  readonly read: (id: SessionId) => Promise<SessionState>
  /** The same for a session that was read before. */
  readonly readAgain: (before: LiveSession) => Promise<SessionState>
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
  /** The same moment by the clock. */
  readonly askedClockMs: number
  readonly reading: Promise<SessionState>
  /** As an earlier look found it, for the store to say whether that still stands. */
  readonly before: LiveSession | undefined
  /** Once it was read, and found live. */
  held?: Held
}

type Held = {
  readonly session: LiveSession
  readonly bytes: number
}

/** News that were sent longer ago than this have come, or nothing is served: what a revoked session may live on. */
const boundMs = 80
/** Whatever was heard, after this the store is asked: a failover may leave us listening to the old master. */
const longestMs = 1_000
/** What can serve no more is kept so long: the next look is cheaper with it. */
const keptMs = 5_000
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
    const last = entries.get(id)
    const before = last?.held?.session ?? last?.before
    const reading = before === undefined ? deps.read(id) : deps.readAgain(before)
    const askedClockMs = deps.clock.nowMs()
    const recordId = before?.recordId ?? recordIdOf(id)
    const entry: Entry = { id, recordId, askedAtMs: nowMs, askedClockMs, reading, before }
    entries.add(entry)
    reading.then(
      (state) => {
        if (state.kind === 'live') entries.hold(entry, state, deps.monotonicMs())
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
    const missedMs = missed(entry, nowMs, deps.clock.nowMs())
    const sinceMs = nowMs - entry.askedAtMs + missedMs
    const { held } = entry
    if (held === undefined) return sinceMs <= sharedMs ? entry.reading : look(id, nowMs)
    const unheardMs = nowMs - Math.max(heardUntilMs, entry.askedAtMs) + missedMs
    const isSure = sinceMs <= longestMs && unheardMs <= boundMs
    return isSure && !isDue(held.session, sinceMs, deps.idleSeconds)
      ? held.session
      : look(id, nowMs)
  }
}

/** A suspended machine's monotonic clock stands still, and its news waits. A clock that is set forward looks the same. */
const missed = ({ askedAtMs, askedClockMs }: Entry, nowMs: number, clockMs: number): number =>
  Math.max(0, clockMs - askedClockMs - (nowMs - askedAtMs))

const entryBytes = 2_048

/** Sealed, and opened to text of two bytes a character. */
const sizeOf = ({ vault }: LiveSession): number => entryBytes + 3 * (vault?.sealed.length ?? 0)

/**
 * Over, or its idle deadline is to be moved: the store does both. At the absolute deadline there is nothing to move.
 * The time since the store was asked counts, not since it answered: an answer may have been on its way for a second.
 */
const isDue = (
  { idleLeftMs, absoluteLeftMs }: LiveSession,
  sinceMs: number,
  idleSeconds: number,
): boolean => {
  if (sinceMs >= idleLeftMs) return true
  return idleLeftMs < absoluteLeftMs && idleLeftMs - sinceMs < idleSeconds * 900
}

/** Entries by both of their names, the oldest first: dropped when nobody came back for them, or where all grow too large. */
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
    hold: (entry: Entry, session: LiveSession, nowMs: number): void => {
      if (byId.get(entry.id) !== entry) return
      bytes -= bytesOf(entry)
      entry.held = { session, bytes: sizeOf(session) }
      bytes += bytesOf(entry)
      for (const oldest of byId.values())
        if (bytes > mostBytes || nowMs - oldest.askedAtMs > keptMs) drop(oldest)
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
