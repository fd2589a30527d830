import type { RequestHandler } from 'express'
import { BrokerError } from '../core/errors.ts'
import { callerOf } from './caller.ts'

/** Refuses what another site made the browser send, before anything is looked up for it. */
export const refuseForeign = (origin: string): RequestHandler =>
  function refuseForeignCall(req, _res, next) {
    if (callerOf(req, origin) === 'foreign') throw new BrokerError('cross_site')
    next()
  }
