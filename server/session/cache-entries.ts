import type { RecordId, SessionId } from '../core/ids.ts'
import type { LiveSession, SessionState } from './records.ts'

/** A look into the store: when it was begun, and the same moment by the clock. */
export type AskedAt = { readonly askedAtMs: number; readonly askedClockMs: number }

export type Entry = AskedAt & {
  readonly id: SessionId
  readonly recordId: RecordId
  readonly reading: Promise<SessionState>
  /** As an earlier look found it, for the store to say whether that still stands. */
  readonly before: LiveSession | undefined
  /** Once it was read, and found live. */
  held?: Held
  /** Whether the next look is under way while this one still serves. */
  isRenewed?: boolean
}

type Held = {
  readonly session: LiveSession
  readonly bytes: number
}

/** What can serve no more is kept so long: the next look is cheaper with it. */
const keptMs = 5_000
const entryBytes = 2_048

/** Sealed, and opened to text of two bytes a character. */
const sizeOf = ({ vault, record }: LiveSession): number =>
  entryBytes + 3 * (vault?.sealed.length ?? 0) + record.sealed.length

export type CacheEntries = ReturnType<typeof cacheEntries>

/** Entries by both of their names, the oldest first: dropped when nobody came back for them, or where all grow too large. */
export const cacheEntries = (mostBytes: number) => {
  const { byId, drop, ...named } = namedEntries()
  const isCurrent = (entry: Entry): boolean => byId.get(entry.id) === entry
  const hold = (entry: Entry, session: LiveSession, nowMs: number): void => {
    if (!isCurrent(entry)) return
    named.setHeld(entry, { session, bytes: sizeOf(session) })
    for (const oldest of byId.values())
      if (named.bytes() > mostBytes || nowMs - oldest.askedAtMs > keptMs) drop(oldest)
      else return
  }
  return {
    get: (id: SessionId) => byId.get(id),
    forget: named.forget,
    clear: named.clear,
    drop,
    add: named.add,
    /** Unless news, or a later look, took the entry's place. */
    hold,
    /** The answer of the next look in an entry's place, unless news or a later look took that meanwhile. */
    renew: (entry: Entry, asked: AskedAt, state: SessionState | undefined): void => {
      if (!isCurrent(entry)) return
      drop(entry)
      if (state?.kind !== 'live') return
      const { id, recordId } = entry
      const next = { id, recordId, ...asked, reading: Promise.resolve(state), before: undefined }
      named.add(next)
      hold(next, state, asked.askedAtMs)
    },
  }
}

/** One entry at most under each name, and what all of them take. */
const namedEntries = () => {
  const byId = new Map<SessionId, Entry>()
  const byRecord = new Map<RecordId, Entry>()
  let bytes = 0
  const drop = (entry: Entry | undefined): void => {
    if (entry === undefined || byId.get(entry.id) !== entry) return
    byId.delete(entry.id)
    byRecord.delete(entry.recordId)
    bytes -= bytesOf(entry)
  }
  return {
    byId,
    bytes: () => bytes,
    drop,
    forget: (id: RecordId): void => drop(byRecord.get(id)),
    add: (entry: Entry): void => {
      drop(byId.get(entry.id))
      byId.set(entry.id, entry)
      byRecord.set(entry.recordId, entry)
      bytes += bytesOf(entry)
    },
    setHeld: (entry: Entry, held: Held): void => {
      bytes -= bytesOf(entry)
      entry.held = held
      bytes += bytesOf(entry)
    },
    clear: (): void => {
      byId.clear()
      byRecord.clear()
      bytes = 0
    },
  }
}

const bytesOf = ({ held }: Entry): number => held?.bytes ?? entryBytes
