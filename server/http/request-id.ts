import type { IncomingMessage } from 'node:http'
import type { Random } from '../core/random.ts'
import type { Call } from './call.ts'
import { header } from './raw-headers.ts'

/** On the request itself: a WeakMap costs each call, and every collection of garbage. */
const ownId = Symbol('request id')

type Named = IncomingMessage & { [ownId]?: string }

const saneId = /^[A-Za-z0-9._:-]{20,200}$/

/** Gives the request its id: the router's own when it is sane, so that two logs meet; else a new one. */
export const assignRequestId = (req: Named, random: Random): void => {
  if (req[ownId] !== undefined) return
  const given = header(req, 'x-request-id')
  req[ownId] = given !== undefined && saneId.test(given) ? given : random.digits(32)
}

/** The id that the client sees, the upstream gets and the log has. */
export const requestIdOf = (req: Call & { [ownId]?: string }): string => req[ownId] ?? 'unassigned'
