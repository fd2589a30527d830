import type { RequestHandler } from 'express'
import { BrokerError } from '../core/errors.ts'
import { isNavigation } from './caller.ts'

/** What a 401 tells the app to open. */
export const loginPath = '/login'

/** There only where the settings say so; reserved otherwise. */
export const frontchannelLogoutPath = '/frontchannel-logout'

/** The broker's own addresses and what may be done there; no route and no file of the app can take them. */
export const ownEndpoints: ReadonlyMap<string, readonly string[]> = new Map([
  [loginPath, ['GET', 'HEAD', 'POST']],
  ['/callback', ['GET', 'HEAD', 'POST']],
  ['/logout', ['GET', 'HEAD', 'POST']],
  ['/logout/continue', ['GET', 'HEAD']],
  ['/logout/callback', ['GET', 'HEAD']],
  ['/session', ['GET', 'HEAD']],
  ['/backchannel-logout', ['POST']],
  ['/livez', ['GET', 'HEAD']],
  ['/readyz', ['GET', 'HEAD']],
])

/** Addresses that are not there, or not for whoever asks: no route and no file of the app can take them either. */
const isReserved = (path: string): boolean => reserved.test(path)

/** Whether an address is the broker's own. */
export const isOwnAddress = (path: string): boolean => ownEndpoints.has(path) || isReserved(path)

const reserved =
  /^\/(?:metrics|openapi\.json|\.well-known\/jwks\.json|frontchannel-logout|(?:admin|session\/all|forward-auth)(?:\/.*)?)$/

/** Answers a reserved address like any that is not there. */
export const refuseReserved: RequestHandler = (req, _res, next) => {
  if (isReserved(req.path)) throw new BrokerError(isNavigation(req) ? 'not_found' : 'no_route')
  next()
}

/** Addresses that probes reach by whatever name the platform gives the machine. */
export const answersAnyHost: ReadonlySet<string> = new Set([
  '/livez',
  '/readyz',
  '/metrics',
  '/backchannel-logout',
])

/** Refuses what an own endpoint does not do, with the list of what it does. RFC 9110 section 15.5.6. */
export const requireOwnMethod: RequestHandler = (req, _res, next) => {
  const allow = ownEndpoints.get(req.path)
  if (allow !== undefined && !allow.includes(req.method))
    throw new BrokerError('method_not_allowed', { allow })
  next()
}
