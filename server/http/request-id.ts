import type { IncomingMessage } from 'node:http'
import type { Random } from '../core/random.ts'
import { header } from './raw-headers.ts'

const ids = new WeakMap<IncomingMessage, string>()
const saneId = /^[A-Za-z0-9._:-]{20,200}$/

/** Gives the request its id: the router's own when it is sane, so that two logs meet; else a new one. */
export const assignRequestId = (req: IncomingMessage, random: Random): void => {
  if (ids.has(req)) return
  const given = header(req, 'x-request-id')
  ids.set(req, given !== undefined && saneId.test(given) ? given : random.digits(32))
}

/** The id that the client sees, the upstream gets and the log has. */
export const requestIdOf = (req: IncomingMessage): string => ids.get(req) ?? 'unassigned'
