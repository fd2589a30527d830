import type { IncomingMessage } from 'node:http'
import { BrokerError } from '../core/errors.ts'
import { callerOf } from './caller.ts'

/** Throws `cross_site` when another site made the browser send this, whatever else it carries. */
export const refuseForeign = (req: IncomingMessage, origin: string): void => {
  if (callerOf(req, origin) === 'foreign') throw new BrokerError('cross_site')
}
