import { issuersOf } from './oidc/issuer-template.ts'
import type { ReadyConfig } from './config/ready-config.ts'
import type { Powers } from './foundations.ts'
import { foundations } from './foundations.ts'
import type { ErrorRequestHandler, RequestHandler } from 'express'
import { isOwnAddress } from './http/endpoints.ts'
import { errorHandler } from './http/error-handler.ts'
import type { Replies } from './http/reply.ts'
import { refuseForeign } from './http/require-app.ts'
import { appHeaders } from './http/security-headers.ts'
import type { IssuerStatus } from './oidc/issuers.ts'
import type { HotPathDeps } from './proxy/hot-path.ts'
import type { RouteTable } from './proxy/route-table.ts'
import { routeTable } from './proxy/route-table.ts'
import { sessionMiddleware } from './session/middleware.ts'
import { staticApp } from './spa/static-app.ts'
import { stepUpHandles } from './step-up/handles.ts'
import { userRoutes } from './user/routes.ts'
import { tokenVault } from './vault/vault.ts'
import type { Parts, Shared } from './wire-gateway.ts'
import { proxyRoom } from './wire-gateway.ts'
import { frontchannelLogoutRoom, loginRoom, logoutOrders, logoutRoom } from './wire-login.ts'

/** The rooms, furnished: what `app.ts` puts in order. */
export type Rooms = {
  readonly frontchannelLogout: RequestHandler
  readonly refuseForeign: RequestHandler
  readonly session: readonly RequestHandler[]
  readonly login: RequestHandler
  readonly logout: RequestHandler
  readonly user: RequestHandler
  readonly spa: RequestHandler
  readonly errors: ErrorRequestHandler
  readonly proxy: HotPathDeps
  readonly routes: RouteTable
  readonly reply: Replies
  /** Ends what a logout token names; throws for one that is not this tenant's. */
  readonly acceptLogoutToken: (token: string) => Promise<void>
  readonly providerStatus: () => IssuerStatus
  /** Ends all of the tenant's sessions that were created before then; the result counts them. */
  readonly endAllSessions: (beforeMs: number) => Promise<number>
  /** Resolves when every refresh and revocation under way has ended. */
  readonly settled: () => Promise<void>
}

/** Joins real parts into the rooms of one tenant; nothing else in the broker knows two rooms at once. */
export const wire = (config: ReadyConfig, powers: Powers, shared: Shared): Rooms => {
  const parts = allParts(config, powers)
  const { reply, hash, keep, base } = parts
  return {
    refuseForeign: refuseForeign(config.origin),
    session: sessionRoom(config, powers, parts),
    frontchannelLogout: frontchannelLogoutRoom(config, powers, parts),
    login: loginRoom(config, powers, parts),
    logout: logoutRoom(config, powers, parts),
    user: userRoutes({
      reply,
      hash,
      origin: config.origin,
      base,
      readSession: parts.records.read,
      offerCsrfCookie: parts.cookies.offerCsrf,
    }),
    spa: spaRoom(config, parts.provider.origins),
    errors: errorHandler(reply, powers.log),
    proxy: proxyRoom(config, powers, { ...parts, ...shared }),
    routes: shared.routes,
    reply,
    acceptLogoutToken: logoutOrders(powers, parts),
    providerStatus: parts.provider.status,
    endAllSessions: async (beforeMs) => {
      const ended = issuersOf(config.tenant).map((one) => parts.signOut.endAll(one, beforeMs))
      return (await Promise.all(ended)).reduce((sum, each) => sum + each, 0)
    },
    settled: keep.settled,
  }
}

/** The foundations, and what several rooms use of others. */
const allParts = (config: ReadyConfig, powers: Powers): Parts => {
  const base = foundations(config, powers)
  return {
    ...base,
    vault: tokenVault(base.records),
    stepUps: stepUpHandles({ backend: powers.backend, sealer: base.seal, hash: base.hash }),
  }
}

/** A route `/` must not take `/session` or `/admin`. */
export const routesBesideOwn = ({ routes }: Pick<ReadyConfig, 'routes'>): RouteTable => {
  const table = routeTable(routes)
  return (path) => (isOwnAddress(path) ? undefined : table(path))
}

const sessionRoom = (config: ReadyConfig, { random }: Powers, parts: Parts): RequestHandler[] =>
  sessionMiddleware({
    records: parts.records,
    settings: config.session,
    cookieName: parts.names.session,
    secure: config.secure,
    random,
  })

/** The app's files. */
export const spaRoom = (
  { spa, secure, csp }: Pick<ReadyConfig, 'spa' | 'secure' | 'csp'>,
  providerOrigins: () => readonly string[],
): RequestHandler =>
  staticApp('dir' in spa ? spa.dir : 'public', appHeaders({ secure, csp, providerOrigins }))
