import type { IncomingMessage, ServerResponse } from 'node:http'
import { BrokerError } from './core/errors.ts'
import type { Log } from './core/log.ts'
import type { Entrance } from './front-door.ts'
import { orderFault } from './http/mount-fault.ts'
import type { Replies } from './http/reply.ts'
import { requestIdOf } from './http/request-id.ts'

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

/** An entrance, closed to requests that an embedding app has spoilt. */
export const refusingSpoilt = <E extends Entrance>(log: Log, entrance: E): E => {
  const refuses = refusesSpoilt(log, entrance.reply)
  return {
    ...entrance,
    proxied: (call) => (refuses(call.req, call.res) ? Promise.resolve() : entrance.proxied(call)),
    app: (req, res, next) => {
      if (!refuses(req, res)) entrance.app(req, res, next)
    },
  }
}
