import type { BrokerError } from '../core/errors.ts'
import type { EndReason, Found, StoredRecord, Unchanged } from './backend.ts'
import { unavailable } from './redis-run.ts'

const endReasons = [
  'session_expired',
  'session_revoked',
  'refresh_in_doubt',
  'replaced',
] as const satisfies readonly EndReason[]
/** Fails closed: what cannot be understood is no "logged out". */
const unexpected = (): BrokerError => unavailable(new Error('unexpected reply from Redis'))

/** The outcome that a script means by its number. */
export const oneOf = <T>(outcomes: readonly T[], reply: unknown): T => {
  const outcome = typeof reply === 'number' ? outcomes[reply] : undefined
  if (outcome === undefined) throw unexpected()
  return outcome
}

export const bytes = (reply: unknown): Buffer | undefined =>
  Buffer.isBuffer(reply) ? reply : undefined

/** The answers of `readScript`, one for each session. */
export const listed = (reply: unknown): readonly unknown[] => {
  if (Array.isArray(reply)) return reply
  throw unexpected()
}

/** One answer of `readScript`. */
export const found = (reply: unknown): Found => {
  const [kind, first, vault, idleLeftMs, absoluteLeftMs] = listed(reply)
  if (kind === 0) return { kind: 'missing' }
  if (kind === 1) return { kind: 'ended', reason: endReason(bytes(first)) }
  const session = storedRecord(bytes(first))
  if (kind !== 2 || session === undefined) throw unexpected()
  return {
    kind: 'live',
    session,
    vault: storedRecord(bytes(vault)),
    idleLeftMs: Number(idleLeftMs),
    absoluteLeftMs: Number(absoluteLeftMs),
  }
}

/** The same where something was known. */
export const foundAgain = (reply: unknown): Found | Unchanged => {
  const [kind, idleLeftMs, absoluteLeftMs] = listed(reply)
  if (kind !== 3) return found(reply)
  return {
    kind: 'unchanged',
    idleLeftMs: Number(idleLeftMs),
    absoluteLeftMs: Number(absoluteLeftMs),
  }
}

/** An unreadable tombstone still says that the session is over. */
const endReason = (tombstone: Buffer | undefined): EndReason =>
  endReasons.find((reason) => reason === tombstone?.toString()) ?? 'session_revoked'

const recordHeader = /^(\d{1,15}):(\d{1,15}):/

/** Version and sealed bytes of `<version>:<deadline>:<sealed>`; anything else is no record. */
export const storedRecord = (record: Buffer | undefined): StoredRecord | undefined => {
  const header = recordHeader.exec(record?.toString('latin1', 0, 32) ?? '')
  if (record === undefined || header === null) return undefined
  return { version: Number(header[1]), sealed: record.subarray(header[0].length) }
}
