import type { Issuer, RecordId, SessionId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type {
  Backend,
  CreateOutcome,
  EndReason,
  Found,
  Life,
  RecordKind,
  StoredRecord,
  UpdateOutcome,
} from './backend.ts'
import type { Principal } from '../core/principal.ts'
import type { Listing, SessionFacts, Vault } from './data.ts'
import { packJson, unpackJson } from './packed-json.ts'
import { recordIdOf } from './record-id.ts'
import type { SealContext, Sealer } from './seal.ts'

export type RecordsDeps = {
  readonly backend: Backend
  readonly sealer: Sealer
  readonly life: Life
  readonly log: Log
  /** Whether a session of this issuer may be opened here; undefined: any. */
  readonly isOurIssuer?: ((issuer: Issuer) => boolean) | undefined
  /** Whether a session that was created then is over, though the store does not know; undefined: none is. */
  readonly isOver?: ((createdAtMs: number) => boolean) | undefined
  /** Whether the rules of now leave out whose session it is, by the ID token in its vault; undefined: nobody. */
  readonly isLeftOut?: ((principal: Principal, idToken: string) => boolean) | undefined
}

/** A session as a cookie opens it. */
export type LiveSession = {
  readonly kind: 'live'
  readonly id: SessionId
  readonly recordId: RecordId
  readonly facts: SessionFacts
  /** What the facts were sealed in. */
  readonly record: StoredRecord
  /** Still sealed: opened by the vault when a token is wanted. */
  readonly vault: StoredRecord | undefined
  readonly idleLeftMs: number
  readonly absoluteLeftMs: number
}

export type SessionState =
  | LiveSession
  | { readonly kind: 'missing' }
  | { readonly kind: 'ended'; readonly reason: EndReason }

export type Records = ReturnType<typeof records>

/**
 * The sealed records of sessions, by session id: the one way in for Express and for the hot path.
 * Every function throws `store_unavailable` when the store cannot answer.
 */
export const records = (deps: RecordsDeps) => {
  const { backend, sealer, life, log } = deps
  const { open, openListing, seal } = envelopes(sealer, log)
  return {
    ...readers(deps, open),
    open,
    /** The session's line, without its cookie; undefined when there is none. */
    listing: async (recordId: RecordId): Promise<Listing | undefined> => {
      const record = await backend.readListing(recordId)
      // What opens under the master key was written at a login.
      return record && (openListing(recordId, record) as Listing | undefined)
    },
    create: (id: SessionId, kind: RecordKind, content: unknown): Promise<CreateOutcome> =>
      backend.create(recordIdOf(id), kind, seal(id, kind, 1, content), life),
    update: (
      id: SessionId,
      kind: RecordKind,
      expected: number,
      content: unknown,
    ): Promise<UpdateOutcome> =>
      backend.update(recordIdOf(id), kind, expected, seal(id, kind, expected + 1, content)),
    /** Ends the session; gives back its vault as it was at that moment, still sealed. */
    end: (id: SessionId, reason: EndReason): Promise<StoredRecord | undefined> =>
      backend.end(recordIdOf(id), reason, life.absoluteSeconds),
    /** Ends a session that is known by its line only. */
    endRecord: (recordId: RecordId, reason: EndReason): Promise<unknown> =>
      backend.end(recordId, reason, life.absoluteSeconds),
  }
}

const readers = (deps: RecordsDeps, open: Envelopes['open']) => {
  const { backend, life, isOurIssuer, isOver } = deps
  const leaveOut = leavingOut(deps, open)
  const opened = (id: SessionId, found: FoundLive): SessionState => {
    // What opens under the session's own key was written at a login.
    const facts = open(id, 'session', found.session) as SessionFacts | undefined
    // The issuer in the settings may have changed since: its tokens are not for the one that is there now (RFC 9700 section 4.4).
    if (facts === undefined || isOurIssuer?.(facts.principal.issuer) === false)
      return { kind: 'missing' }
    if (isOver?.(facts.createdAtMs) === true) return { kind: 'ended', reason: 'session_revoked' }
    return leaveOut(liveSession(id, found, facts))
  }
  return {
    read: async (id: SessionId, slide: boolean): Promise<SessionState> => {
      const found = await backend.read(recordIdOf(id), slide ? life.idleSeconds : undefined)
      return found.kind === 'live' ? opened(id, found) : found
    },
    /** Reads and slides sessions that were read before; what has not changed is neither sent nor opened again. */
    readAgain: async (before: readonly LiveSession[]): Promise<readonly SessionState[]> => {
      const known = before.map(({ recordId, record, vault }) => ({ id: recordId, session: record, vault })) // prettier-ignore
      const all = await backend.readAgain(known, life.idleSeconds)
      return before.map((session, i) => {
        const now = all[i] ?? { kind: 'missing' }
        if (now.kind === 'live') return opened(session.id, now)
        if (now.kind !== 'unchanged') return now
        const { idleLeftMs, absoluteLeftMs } = now
        return { ...session, idleLeftMs, absoluteLeftMs }
      })
    },
  }
}

/** Ends a session whose person may not log in any more: the rules may have changed since. */
const leavingOut =
  ({ backend, life, log, isLeftOut }: RecordsDeps, open: Envelopes['open']) =>
  (session: LiveSession): SessionState => {
    if (isLeftOut === undefined || session.vault === undefined) return session
    const { id, recordId, facts } = session
    // What opens under the session's own key was written at a login.
    const vault = open(id, 'vault', session.vault) as Vault | undefined
    if (vault === undefined || !isLeftOut(facts.principal, vault.idToken)) return session
    const reason = 'session_revoked'
    const { sub } = facts.principal
    const line = { audit: 'session_ended', reason: 'not_allowed', record: recordId, sub }
    log.warn(line, 'session ended: the account may not log in any more')
    // Judged again at the next call, should that fail.
    backend.end(recordId, reason, life.absoluteSeconds).catch((err: unknown) => {
      log.error({ err, record: recordId }, 'a session that may not be was not ended')
    })
    return { kind: 'ended', reason }
  }

type FoundLive = Extract<Found, { kind: 'live' }>

const liveSession = (
  id: SessionId,
  { session, vault, idleLeftMs, absoluteLeftMs }: FoundLive,
  facts: SessionFacts,
): LiveSession => ({
  kind: 'live',
  id,
  recordId: recordIdOf(id),
  facts,
  record: session,
  vault,
  idleLeftMs,
  absoluteLeftMs,
})

type Envelopes = ReturnType<typeof envelopes>

/** Records as sealed bytes, and back. */
const envelopes = (sealer: Sealer, log: Log) => {
  const context = (id: SessionId, kind: RecordKind, version: number) => ({
    // The listing must open without the cookie: for the user's other sessions, and for the operator.
    secret: kind === 'listing' ? '' : id,
    recordId: recordIdOf(id),
    kind,
    version,
  })
  const opened = (under: SealContext, { sealed }: StoredRecord): unknown => {
    const found = sealer.open(under, sealed)
    if (found !== undefined) return unpackJson(found.plain)
    const { kind, recordId } = under
    log.error({ kind, record: recordId }, 'a record did not open: it is taken as missing')
    return undefined
  }
  return {
    /** The record's content, or undefined when it was not sealed for this id, kind and version (moved, rolled back, damaged). */
    open: (id: SessionId, kind: RecordKind, record: StoredRecord): unknown =>
      opened(context(id, kind, record.version), record),
    openListing: (recordId: RecordId, record: StoredRecord): unknown =>
      opened({ secret: '', recordId, kind: 'listing', version: record.version }, record),
    seal: (id: SessionId, kind: RecordKind, version: number, content: unknown): Buffer =>
      sealer.seal(context(id, kind, version), packJson(content)),
  }
}
