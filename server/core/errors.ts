import type { StepUpDemand } from './step-up.ts'
import type { FailureCode } from './failures.ts'
import { failures } from './failures.ts'

export type ErrorDetail = {
  /** For the client: what exactly was wrong and how to put it right. Never a secret, never shown from 500 on. */
  readonly detail?: string | undefined
  /** For the log alone. */
  readonly cause?: unknown
  readonly retryAfterSeconds?: number | undefined
  /** Where logging in would help: path and query of the login. */
  readonly loginUrl?: string | undefined
  /** The login that would help, where whoever found out cannot say the way to it. */
  readonly stepUp?: StepUpDemand | undefined
  readonly allow?: readonly string[] | undefined
  /** The `error` of the provider's answer, for the broker's own decisions; shown to nobody by itself. */
  readonly oauthError?: string | undefined
  /** Further members of the problem, for who reads another standard's error. RFC 9457 section 3.2. */
  readonly members?: Readonly<Record<string, string>> | undefined
}

/** The one error that the broker answers with; its code decides status and text. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError'
  readonly code: FailureCode
  /** Without the cause: what is enumerable here, a logger writes out. */
  readonly info: Omit<ErrorDetail, 'cause'>

  constructor(code: FailureCode, { cause, ...info }: ErrorDetail = {}) {
    super(code, { cause })
    this.code = code
    this.info = info
  }

  get status(): number {
    return failures[this.code].status
  }
}

/** The login that an error asks for. */
export const stepUpOf = (error: unknown): StepUpDemand | undefined =>
  error instanceof BrokerError ? error.info.stepUp : undefined

/** Any thrown value as a BrokerError: what is not known is `internal_error`, with the cause kept for the log. */
export const toBrokerError = (error: unknown): BrokerError =>
  error instanceof BrokerError ? error : new BrokerError('internal_error', { cause: error })
