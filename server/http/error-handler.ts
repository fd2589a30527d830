import type { ErrorRequestHandler } from 'express'
import { BrokerError, toBrokerError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Replies } from './reply.ts'
import { requestIdOf } from './request-id.ts'

/** The last handler of every Express stack: one table of codes, one log line for our own faults. */
export const errorHandler = (reply: Replies, log: Log): ErrorRequestHandler =>
  // Express tells an error handler by its four parameters.
  function handleError(error: unknown, req, res, _next) {
    const failure = fromBodyParser(error) ?? toBrokerError(error)
    const facts = { err: failure, request_id: requestIdOf(req), code: failure.code }
    if (failure.status >= 500) log.error(facts, 'request failed')
    else if (failure.code === 'login_failed') log.warn(facts, 'login failed')
    reply.failure(req, res, failure)
  }

/** What Express's parsers throw: an http-errors value with a 4xx status. */
const fromBodyParser = (error: unknown): BrokerError | undefined => {
  if (!(error instanceof Error) || error instanceof BrokerError) return undefined
  const status: unknown = Reflect.get(error, 'status')
  if (status === 413) return new BrokerError('body_too_large', { cause: error })
  return typeof status === 'number' && status >= 400 && status < 500
    ? new BrokerError('invalid_request', {
        cause: error,
        detail: 'The body or an address could not be read.',
      })
    : undefined
}
