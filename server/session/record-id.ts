import type { RecordId, SessionId } from '../core/ids.ts'
import { hash } from 'node:crypto'
import { asRecordId } from '../core/ids.ts'

/** The name of a session's records: whoever reads the store's keys learns no session id (dump of Redis). */
export const recordIdOf = (sessionId: SessionId): RecordId =>
  asRecordId(hash('sha256', sessionId, 'base64url'))
