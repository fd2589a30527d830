import type { ErrorRequestHandler, Express, RequestHandler } from 'express'
import express from 'express'
import { BrokerError } from './core/errors.ts'
import { isNavigation } from './http/caller.ts'
import { refuseReserved, requireOwnMethod } from './http/endpoints.ts'
import type { Rooms } from './wire.ts'

/** What is the same for all tenants. */
export type Common = {
  readonly health: RequestHandler
  readonly backchannelLogout: RequestHandler
  /** Leads from BASE_URL's origin to other tenants' logins. */
  readonly elsewhere: RequestHandler
}

export type Lobby = {
  readonly nobodys: RequestHandler
  readonly errors: ErrorRequestHandler
}

type Scheme = { readonly secure: boolean }

/**
 * Everything that is not a proxied call, in the order that is the security model: health and the issuer's word first, since
 * they need no cookie; then the session, and behind it login, logout and the user; then the app's files; at the end what is not there.
 */
export const createApp = (rooms: Rooms, common: Common, { secure }: Scheme): Express => {
  const app = plainApp(secure)

  // Before `refuseReserved`: its address is reserved, and there only by OIDC_FRONTCHANNEL.
  app.use(rooms.frontchannelLogout)
  app.use(requireOwnMethod)
  app.use(refuseReserved)
  app.use(common.health)
  app.use(common.backchannelLogout)
  app.use(common.elsewhere)

  app.use('/session', rooms.refuseForeign)
  app.post('/logout', rooms.refuseForeign)

  // Only the broker's own pages touch the session: a file of the app costs no look into the store.
  app.use(['/login', '/callback', '/logout', '/session'], ...rooms.session)
  app.use(rooms.login)
  app.use(rooms.logout)
  app.use(rooms.user)
  app.use(rooms.errors)

  return app
}

/** BASE_URL's own host where no tenant is: health and the issuers' word, the way to a tenant's login, and the app's files. */
export const createLobby = (lobby: Lobby, common: Common, { secure }: Scheme): Express => {
  const app = plainApp(secure)
  app.use(requireOwnMethod)
  app.use(refuseReserved)
  app.use(common.health)
  app.use(common.backchannelLogout)
  app.use(common.elsewhere)
  app.use(lobby.nobodys)
  app.use(lobby.errors)
  return app
}

const plainApp = (secure: boolean): Express => {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.enable('case sensitive routing')
  app.enable('strict routing')
  trustScheme(app, secure)
  return app
}

/** The rest of the public origin: the app's own files, and an honest end. */
export const createSite = (rooms: Pick<Rooms, 'spa' | 'errors'>): Express => {
  const site = express()
  site.disable('x-powered-by')
  site.use(rooms.spa)
  site.use(notFound)
  site.use(rooms.errors)
  return site
}

/** The scheme is BASE_URL's: behind TLS offload the socket says http, and a header could say anything. */
const trustScheme = (app: Express, secure: boolean): void => {
  Object.defineProperty(app.request, 'secure', { get: () => secure, configurable: true })
}

const notFound: RequestHandler = (req) => {
  throw new BrokerError(isNavigation(req) ? 'not_found' : 'no_route')
}
