import type { RecordId, SessionId } from '../core/ids.ts'
import type { StepUp } from '../core/step-up.ts'
import { demandText } from '../core/step-up.ts'
import type { KeyedHash } from '../http/keyed-hash.ts'
import type { Backend } from '../session/backend.ts'
import { recordIdOf } from '../session/record-id.ts'
import type { LiveSession } from '../session/records.ts'
import type { Sealer } from '../session/seal.ts'

export type StepUpHandlesDeps = {
  readonly backend: Pick<Backend, 'putLogin' | 'takeLogin'>
  readonly sealer: Sealer
  readonly hash: KeyedHash
}

export type StepUpHandles = {
  /** The handle of this demand for this session; the same one whenever and wherever it is asked for. */
  readonly keep: (session: LiveSession, demand: StepUp['demand']) => Promise<string>
  /** What a handle stands for, to the session it was made for; undefined to any other, or after ten minutes. */
  readonly redeem: (sessionId: SessionId, handle: string) => Promise<StepUp | undefined>
}

const lifeMs = 600_000
const handlesPerSession = 20
const handleLength = 22

/**
 * Short names for what a session's next login is to ask for: the address that a browser carries says nothing, and nobody can
 * write one. They are kept beside the login transactions, with the same bound: the oldest of a session's go first.
 */
export const stepUpHandles = ({ backend, sealer, hash }: StepUpHandlesDeps): StepUpHandles => ({
  keep: async (session, demand) => {
    const { id, recordId, facts } = session
    const { issuer, sub } = facts.principal
    const handle = hash.of('step-up', `${id}\n${demandText(demand)}`).slice(0, handleLength)
    const stepUp: StepUp = { demand, who: { issuer, sub }, done: facts.stepUps ?? [] }
    const sealed = sealer.seal(context(id, handle), Buffer.from(JSON.stringify(stepUp)))
    const parts = { pending: Buffer.from('1'), return: sealed }
    await backend.putLogin(ownerOf(recordId), handle, { ...parts, ttlMs: lifeMs, cap: handlesPerSession }) // prettier-ignore
    return handle
  },

  redeem: async (sessionId, handle) => {
    const { return: sealed } = await backend.takeLogin(ownerOf(recordIdOf(sessionId)), handle)
    const opened = sealed && sealer.open(context(sessionId, handle), sealed)
    // What opens under this session's id was written by `keep`.
    return opened && (JSON.parse(opened.plain.toString('utf8')) as StepUp)
  },
})

const ownerOf = (recordId: RecordId): string => `step-up ${recordId}`

const context = (sessionId: SessionId, handle: string) => ({
  secret: sessionId,
  recordId: `${recordIdOf(sessionId)} ${handle}`,
  kind: 'step-up',
  version: 1,
})
