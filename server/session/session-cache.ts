import type { Clock } from '../core/clock.ts'
import type { SessionId } from '../core/ids.ts'
import type { ChangeListener } from './backend.ts'
import { recordIdOf } from './record-id.ts'
import type { LiveSession, SessionState } from './records.ts'
import type { CacheEntries, Entry } from './cache-entries.ts'
import { cacheEntries } from './cache-entries.ts'

export type SessionCacheDeps = {
  readonly clock: Clock
  /** Milliseconds that never jump; beside the clock, which does not stand still while the machine is suspended. */
  readonly monotonicMs: () => number
  /** Reads and slides; rejects with `store_unavailable`. */
  readonly read: (id: SessionId) => Promise<SessionState>
  /** The same for sessions that were read before, in their order. */
  readonly readAgain: (before: readonly LiveSession[]) => Promise<readonly SessionState[]>
  /** Runs something in a moment, together with whatever else comes by then. */
  readonly soon: (run: () => void) => void
  /** News from anywhere, and of this instance's own writes. */
  readonly onChange: (listener: ChangeListener) => void
  readonly heardUntilMs: () => number
  readonly idleSeconds: number
  readonly mostBytes: number
}

/** News that were sent longer ago than this have come, or nothing is served: what a revoked session may live on. */
const boundMs = 80
/** Whatever was heard, after this the store is asked: a failover may leave us listening to the old master. */
const longestMs = 1_000
/** From then on the next look is taken while calls are served: nobody waits for it, and one round trip serves many sessions. */
const renewedMs = 900
/** Calls that come together share one look into the store. */
const sharedMs = 20

/**
 * Opened sessions, held for a second at most, so that a stream of calls costs one look into the store. A call that starts
 * 100 ms after a logout has answered is refused on every instance: an entry serves only while all news up to 80 ms ago
 * has surely been heard, and an answer that news overtook is not kept.
 */
export const sessionCache = (deps: SessionCacheDeps) => {
  const entries = cacheEntries(deps.mostBytes)
  const renew = renewal(deps, entries)
  deps.onChange((changed) => {
    if (changed === 'all') entries.clear()
    else entries.forget(changed)
  })
  const look = (id: SessionId, nowMs: number): Promise<SessionState> => {
    const last = entries.get(id)
    const before = last?.held?.session ?? last?.before
    const reading = before === undefined ? deps.read(id) : readAgain(deps, before)
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
    if (!isSure || isDue(held.session, sinceMs, deps.idleSeconds)) return look(id, nowMs)
    if (sinceMs > renewedMs) renew(entry)
    return held.session
  }
}

const readAgain = async (deps: SessionCacheDeps, before: LiveSession): Promise<SessionState> =>
  (await deps.readAgain([before]))[0] ?? { kind: 'missing' }

/**
 * Takes the next look at entries that still serve. Each stands for its own answer: where news drops the one, the other is not kept.
 * A look that fails is taken again by the call that needs it.
 */
const renewal = (deps: SessionCacheDeps, entries: CacheEntries) => {
  let waiting: { readonly entry: Entry; readonly session: LiveSession }[] = []
  const look = async (): Promise<void> => {
    const asked = waiting.filter(({ entry }) => entries.get(entry.id) === entry)
    waiting = []
    if (asked.length === 0) return
    const at = { askedAtMs: deps.monotonicMs(), askedClockMs: deps.clock.nowMs() }
    const states = await deps.readAgain(asked.map(({ session }) => session))
    for (const [i, { entry }] of asked.entries()) entries.renew(entry, at, states[i])
  }
  return (entry: Entry): void => {
    if (entry.isRenewed === true || entry.held === undefined) return
    entry.isRenewed = true
    const session = entry.held.session
    if (waiting.push({ entry, session }) === 1) deps.soon(() => void look().catch(() => undefined))
  }
}

/** A suspended machine's monotonic clock stands still, and its news waits. A clock that is set forward looks the same. */
const missed = ({ askedAtMs, askedClockMs }: Entry, nowMs: number, clockMs: number): number =>
  Math.max(0, clockMs - askedClockMs - (nowMs - askedAtMs))

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
