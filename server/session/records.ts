import type { RecordId, SessionId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type {
  Backend,
  CreateOutcome,
  EndReason,
  Life,
  RecordKind,
  StoredRecord,
  UpdateOutcome,
} from './backend.ts'
import type { SessionFacts } from './data.ts'
import { recordIdOf } from './record-id.ts'
import type { Sealer } from './seal.ts'

export type RecordsDeps = {
  readonly backend: Backend
  readonly sealer: Sealer
  readonly life: Life
  readonly log: Log
}

/** A session as a cookie opens it. */
export type LiveSession = {
  readonly kind: 'live'
  readonly id: SessionId
  readonly recordId: RecordId
  readonly facts: SessionFacts
  readonly version: number
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
export const records = ({ backend, sealer, life, log }: RecordsDeps) => {
  const { open, seal } = envelopes(sealer, log)

  const read = async (id: SessionId, slide: boolean): Promise<SessionState> => {
    const recordId = recordIdOf(id)
    const found = await backend.read(recordId, slide ? life.idleSeconds : undefined)
    if (found.kind !== 'live') return found
    const facts = open(id, 'session', found.session)
    if (facts === undefined) return { kind: 'missing' }
    const { vault, idleLeftMs, absoluteLeftMs } = found
    return {
      kind: 'live',
      id,
      recordId,
      // What opens under the session's own key was written by `createSession`.
      facts: facts as SessionFacts,
      version: found.session.version,
      vault,
      idleLeftMs,
      absoluteLeftMs,
    }
  }

  return {
    read,
    open,
    create: (id: SessionId, kind: RecordKind, content: unknown): Promise<CreateOutcome> =>
      backend.create(recordIdOf(id), kind, seal(id, kind, 1, content), life),
    update: (
      id: SessionId,
      kind: RecordKind,
      expected: number,
      content: unknown,
    ): Promise<UpdateOutcome> =>
      backend.update(recordIdOf(id), kind, expected, seal(id, kind, expected + 1, content)),
    end: (id: SessionId, reason: EndReason): Promise<void> =>
      backend.end(recordIdOf(id), reason, life.absoluteSeconds),
  }
}

/** Records as sealed bytes, and back. */
const envelopes = (sealer: Sealer, log: Log) => {
  const context = (id: SessionId, kind: RecordKind, version: number) => ({
    // The listing must open without the cookie: for the user's other sessions, and for the operator.
    secret: kind === 'listing' ? '' : id,
    recordId: recordIdOf(id),
    kind,
    version,
  })
  return {
    /** The record's content, or undefined when it was not sealed for this id, kind and version (moved, rolled back, damaged). */
    open: (id: SessionId, kind: RecordKind, record: StoredRecord): unknown => {
      const opened = sealer.open(context(id, kind, record.version), record.sealed)
      if (opened !== undefined) return JSON.parse(opened.plain.toString('utf8'))
      log.error({ kind, record: recordIdOf(id) }, 'a record did not open: it is taken as missing')
      return undefined
    },
    seal: (id: SessionId, kind: RecordKind, version: number, content: unknown): Buffer =>
      sealer.seal(context(id, kind, version), Buffer.from(JSON.stringify(content))),
  }
}
