import { BrokerError } from '../core/errors.ts'
import type { EndReason } from '../session/backend.ts'

/** The answer to a call whose session is over, with the way to a new one. */
export const sessionEnded = (reason: EndReason, cause?: unknown): BrokerError =>
  new BrokerError(reason, { loginUrl: '/login', cause })
