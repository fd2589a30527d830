import type { BrokerError } from './errors.ts'
import { failures } from './failures.ts'

/** The body of `application/problem+json`. RFC 9457 section 3. */
export type Problem = {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: string
  readonly request_id: string
  readonly detail?: string
  readonly login_url?: string
}

/** What a client may know of an error; `detail` only below 500, so that no inner state leaks. */
export const toProblem = (error: BrokerError, requestId: string): Problem => {
  const { status, title, mend } = failures[error.code]
  const detail = status < 500 ? (error.info.detail ?? mend) : mend
  return {
    type: `urn:latchkey:problem:${error.code}`,
    title,
    status,
    code: error.code,
    detail,
    request_id: requestId,
    ...error.info.members,
    ...(error.info.loginUrl !== undefined && { login_url: error.info.loginUrl }),
  }
}
