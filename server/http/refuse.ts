import type { IncomingMessage, ServerResponse } from 'node:http'
import { toBrokerError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Replies } from './reply.ts'
import { requestIdOf } from './request-id.ts'

export type RefuseDeps = { readonly log: Log; readonly reply: Replies }

/** Answers a call with the one refusal that its error stands for, a log line for what is our side's fault and for a tenant's border; the status. */
export const refuse = (
  { log, reply }: RefuseDeps,
  req: IncomingMessage,
  res: ServerResponse,
  error: unknown,
): number => {
  const failure = toBrokerError(error)
  if (failure.status >= 500)
    log.error({ err: failure, request_id: requestIdOf(req), code: failure.code }, 'call failed')
  // The other rules of a route write why themselves, with what was asked; this one holds where a route has none.
  if (failure.code === 'forbidden_tenant')
    log.info(
      { code: failure.code, reason: failure.info.detail, request_id: requestIdOf(req) },
      'refused by the tenants of its route',
    )
  reply.failure(req, res, failure)
  return failure.status
}
