import type { RecordId } from '../core/ids.ts'

/** The three records of one login: who is logged in, its tokens, its line in the user's list of sessions. */
export type RecordKind = 'session' | 'vault' | 'listing'

/**
 * Why a session is over; `session/ended.ts` has what its cookie is answered from then on. `replaced`: by the browser's next login in
 * the same session at the provider.
 */
export type EndReason = 'session_expired' | 'session_revoked' | 'refresh_in_doubt' | 'replaced'

/** Sealed bytes with the version they were stored under; versions start at 1. */
export type StoredRecord = { readonly version: number; readonly sealed: Buffer }

export type Life = { readonly idleSeconds: number; readonly absoluteSeconds: number }

/** What stands under a session's id, in one round trip. */
export type Found =
  | { readonly kind: 'missing' }
  | { readonly kind: 'ended'; readonly reason: EndReason }
  | {
      readonly kind: 'live'
      readonly session: StoredRecord
      readonly vault: StoredRecord | undefined
      /** Until the idle deadline, after sliding if that was asked; the absolute deadline is never passed. */
      readonly idleLeftMs: number
      readonly absoluteLeftMs: number
    }

/** The records that whoever asks again holds already; a session may have no vault. */
export type Known = {
  readonly id: RecordId
  readonly session: StoredRecord
  readonly vault: StoredRecord | undefined
}

/**
 * So many bytes of two records are the same only if all are: the seal's IV is among them. A version alone would not tell,
 * since a store that lost its last writes gives the same one twice.
 */
export const sealedMarkBytes = 64

/** A live session whose records are those that the asker holds: only its deadlines come back. */
export type Unchanged = {
  readonly kind: 'unchanged'
  readonly idleLeftMs: number
  readonly absoluteLeftMs: number
}

export type CreateOutcome = 'created' | 'exists' | 'ended'
export type UpdateOutcome = 'updated' | 'conflict' | 'gone'

/**
 * Where sessions live: in process or in Redis, with one behaviour (test/support/backend-contract.ts).
 * It sees hashes and sealed bytes only. Each function throws BrokerError `store_unavailable` when the store
 * cannot answer; none takes longer than 2 s to say so. What failed so may have taken effect all the same.
 */
export type Backend = {
  /** Stores version 1 if nothing stands there; never over a tombstone. The session record comes last. */
  readonly create: (
    id: RecordId,
    kind: RecordKind,
    sealed: Buffer,
    life: Life,
  ) => Promise<CreateOutcome>
  /** One round trip; with `slideIdleSeconds` all records' idle deadlines move, when a tenth of it has passed. */
  readonly read: (id: RecordId, slideIdleSeconds?: number) => Promise<Found>
  /**
   * As `read`, with slide, for sessions that were read before: what has not changed since is not sent again. One round trip
   * for all of them; answers in their order.
   */
  readonly readAgain: (
    known: readonly Known[],
    slideIdleSeconds: number,
  ) => Promise<readonly (Found | Unchanged)[]>
  /** Compare-and-set: replaces version `expected` by the next one and keeps the deadlines; never creates. */
  readonly update: (
    id: RecordId,
    kind: RecordKind,
    expected: number,
    sealed: Buffer,
  ) => Promise<UpdateOutcome>
  /**
   * Tombstone (until the absolute deadline, an hour at least), then all records gone. The first reason stands.
   * Gives back the vault as it was at that very moment: no refresh can slip in between.
   */
  readonly end: (
    id: RecordId,
    reason: EndReason,
    absoluteSeconds: number,
  ) => Promise<StoredRecord | undefined>
  /** A fencing number that grows with each holder, or undefined while another holds the lock. */
  readonly lock: (id: RecordId, name: string, holdMs: number) => Promise<number | undefined>
  /** Another `holdMs` from now, even after it ran out; false when somebody else has had the lock since. */
  readonly extend: (id: RecordId, name: string, fence: number, holdMs: number) => Promise<boolean>
  /** Frees the lock if this holder still has it. */
  readonly unlock: (id: RecordId, name: string, fence: number) => Promise<void>

  /** Keeps a login transaction; above `cap` under one owner the oldest are dropped. */
  readonly putLogin: (owner: string, state: string, login: SealedLogin) => Promise<void>
  /** Takes the pending part, once: of any number of parallel calls one gets it. The return part stays 600 s. */
  readonly takeLogin: (owner: string, state: string) => Promise<TakenLogin>
  /** A value under a key for some time: one-time links, tokens of the client itself. */
  readonly put: (key: string, value: Buffer, ttlMs: number) => Promise<void>
  /** Reads, and leaves it there. */
  readonly peek: (key: string) => Promise<Buffer | undefined>
  /** Reads and deletes at once. */
  readonly take: (key: string) => Promise<Buffer | undefined>

  /** The sealed line of a live session, for whoever may see it without the cookie; undefined when there is none. */
  readonly readListing: (id: RecordId) => Promise<StoredRecord | undefined>
  /** Puts a session on a list for some time. Lists are hints, never truth: what they name may be over. */
  readonly addToList: (list: string, id: RecordId, lifeMs: number) => Promise<void>
  readonly listed: (list: string) => Promise<readonly RecordId[]>
  /** Raises a mark to `value`, if it is lower, for some time. */
  readonly raiseMark: (mark: string, value: number, ttlMs: number) => Promise<void>
  readonly markOf: (mark: string) => Promise<number | undefined>
  /** True for the first of all callers with this key within `ttlMs`. */
  readonly putOnce: (key: string, ttlMs: number) => Promise<boolean>

  /** Tells of each session that changed or was unlocked, on any instance; the result takes the listener away. */
  readonly onChange: (listener: ChangeListener) => () => void
  /**
   * Tells of each write of this instance to records, before whoever made it hears how it went: news by `onChange` may still be
   * on its way then. A write that failed is told too; it may have taken effect. The result takes the listener away.
   */
  readonly onOwnWrite: (listener: ChangeListener) => () => void

  /**
   * Up to when (`monotonicMs`) all news of changes has surely come; -Infinity: unknown. Being asked, it finds out more in the
   * background; whoever does not ask costs nothing.
   */
  readonly heardUntilMs: () => number

  /** Throws when the store does not answer. */
  readonly ping: () => Promise<void>
  readonly close: () => Promise<void>
}

/** Called with the session's id, or with `all` when news may have been missed. A hint: it can come late or not at all. */
export type ChangeListener = (id: RecordId | 'all') => void

export type SealedLogin = {
  readonly pending: Buffer
  readonly return: Buffer
  readonly ttlMs: number
  readonly cap: number
}

/** First call: both parts. Later, for 600 s: the return part alone. Otherwise nothing. */
export type TakenLogin = {
  readonly pending?: Buffer | undefined
  readonly return?: Buffer | undefined
}
