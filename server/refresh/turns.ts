import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../core/clock.ts'
import type { RecordId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { ChangeListener } from '../session/backend.ts'

export type TurnsDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly lock: (id: RecordId, holdMs: number) => Promise<number | undefined>
  readonly extend: (id: RecordId, fence: number, holdMs: number) => Promise<boolean>
  readonly unlock: (id: RecordId, fence: number) => Promise<void>
  readonly onChange: (listener: ChangeListener) => () => void
}

/** The right to refresh one session, held until it is given back or the process dies. */
export type Turn = { readonly fence: number; readonly end: () => Promise<void> }

export type TurnRequest<T> = {
  readonly id: RecordId
  /** How long to wait for whoever has the turn. */
  readonly patienceMs: number
  /** Looks whether somebody else's turn has made ours needless. */
  readonly look: () => Promise<T | undefined>
}

export type TurnOutcome<T> =
  | { readonly kind: 'turn'; readonly turn: Turn }
  | { readonly kind: 'served'; readonly value: T }
  | { readonly kind: 'taken' }

export type TakeTurn = <T>(request: TurnRequest<T>) => Promise<TurnOutcome<T>>

/**
 * How long a lock stands before its holder has said anything. A lock that a silent Redis grants when nobody listens any more
 * has no holder: it must not stand in the way for long.
 */
const firstHoldMs = 1_500
/** A dead holder's turn ends this long after its last sign of life. */
const holdMs = 6_000
const signOfLifeMs = 1_500
/** News can get lost; a look costs one round trip. */
const lookAgainMs = 250

/**
 * One refresh of a session at a time in the whole cluster: a lock in the store with a fencing number, kept alive while its
 * holder lives however long the provider takes. Whoever waits hears of the end, looks, and mostly finds the work done.
 */
export const refreshTurns = (deps: TurnsDeps): TakeTurn => {
  const bell = changeBell(deps.onChange)
  return async ({ id, patienceMs, look }) => {
    const untilMs = deps.clock.nowMs() + patienceMs
    for (;;) {
      const rung = bell.next(id, lookAgainMs)
      const fence = await deps.lock(id, firstHoldMs)
      if (fence !== undefined) return { kind: 'turn', turn: heldTurn(deps, id, fence) }
      if (deps.clock.nowMs() >= untilMs) return { kind: 'taken' }
      await rung
      const value = await look()
      if (value !== undefined) return { kind: 'served', value }
    }
  }
}

const heldTurn = (deps: TurnsDeps, id: RecordId, fence: number): Turn => {
  const live = () => {
    deps.extend(id, fence, holdMs).then(
      (held) => {
        if (!held) deps.log.warn({ record: id }, 'a refresh has lost its lock and goes on')
      },
      // The store is away: the refresh goes on, and its result waits for the store.
      () => undefined,
    )
  }
  live()
  const beat = setInterval(live, signOfLifeMs)
  return {
    fence,
    end: async () => {
      clearInterval(beat)
      await giveBack(deps, id, fence)
    },
  }
}

/** Tried for as long as the lock would stand: a store that was away for a moment must not make the next one wait for its end. */
const giveBack = async (deps: TurnsDeps, id: RecordId, fence: number): Promise<void> => {
  const untilMs = deps.clock.nowMs() + holdMs
  for (;;) {
    try {
      return await deps.unlock(id, fence)
    } catch (err) {
      if (deps.clock.nowMs() >= untilMs)
        return deps.log.warn({ err }, 'refresh lock not freed: it runs out by itself')
      await sleep(lookAgainMs)
    }
  }
}

/** Wakes whoever waits for news of a session. */
const changeBell = (onChange: TurnsDeps['onChange']) => {
  const waiting = new Map<RecordId, Set<() => void>>()
  onChange((changed) => {
    const sets = changed === 'all' ? [...waiting.values()] : [waiting.get(changed) ?? new Set()]
    for (const set of sets) for (const wake of set) wake()
  })
  return {
    /** Resolves at the next news of this session, or after `timeoutMs`. */
    next: async (id: RecordId, timeoutMs: number): Promise<void> => {
      const awake = new AbortController()
      const wake = () => awake.abort()
      const set = waiting.get(id) ?? new Set()
      waiting.set(id, set.add(wake))
      await sleep(timeoutMs, undefined, { signal: awake.signal }).catch(() => undefined)
      set.delete(wake)
      if (set.size === 0) waiting.delete(id)
    },
  }
}
