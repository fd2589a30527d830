import type { IncomingMessage, ServerResponse } from 'node:http'
import { BrokerError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { orderFault } from './mount-fault.ts'
import type { Replies } from './reply.ts'
import { requestIdOf } from './request-id.ts'

/** Answers a request that an embedding app has spoilt; the result says whether it was one. */
export const refusesSpoilt =
  (log: Log, reply: Replies) =>
  (req: IncomingMessage, res: ServerResponse): boolean => {
    const fault = orderFault(req)
    if (fault === undefined) return false
    log.error({ request_id: requestIdOf(req) }, fault)
    reply.failure(req, res, new BrokerError('internal_error'))
    return true
  }

type Call = { readonly req: IncomingMessage; readonly res: ServerResponse }

/** Two ways in for requests. */
type Ways<C extends Call> = {
  readonly proxied: (call: C) => Promise<void>
  readonly app: (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void
}

/** The same ways, closed to requests that an embedding app has spoilt. */
export const refusingSpoilt = <C extends Call>(
  log: Log,
  { reply, proxied, app }: Ways<C> & { readonly reply: Replies },
): Ways<C> => {
  const refuses = refusesSpoilt(log, reply)
  return {
    proxied: (call) => (refuses(call.req, call.res) ? Promise.resolve() : proxied(call)),
    app: (req, res, next) => {
      if (!refuses(req, res)) app(req, res, next)
    },
  }
}
