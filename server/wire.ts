import type { Powers, ReadyConfig } from './foundations.ts'
import { foundations } from './foundations.ts'
import type { ErrorRequestHandler, RequestHandler } from 'express'
import type { ForwardAuth } from './forward-auth/forward-auth.ts'
import { forwardAuth } from './forward-auth/forward-auth.ts'
import { healthRoutes } from './health/routes.ts'
import { isOwnAddress } from './http/endpoints.ts'
import { errorHandler } from './http/error-handler.ts'
import { refuseForeign } from './http/require-app.ts'
import { appHeaders } from './http/security-headers.ts'
import type { HotPathDeps } from './proxy/hot-path.ts'
import type { RouteTable } from './proxy/route-table.ts'
import { routeTable } from './proxy/route-table.ts'
import { upstreams } from './proxy/upstreams.ts'
import { sessionMiddleware } from './session/middleware.ts'
import { staticApp } from './spa/static-app.ts'
import { stepUpHandles } from './step-up/handles.ts'
import { userRoutes } from './user/routes.ts'
import { tokenVault } from './vault/vault.ts'
import type { Parts } from './wire-gateway.ts'
import { proxyRoom, streamRoom } from './wire-gateway.ts'
import {
  backchannelLogoutRoom,
  frontchannelLogoutRoom,
  loginRoom,
  logoutRoom,
} from './wire-login.ts'

/** The rooms, furnished: what `app.ts` puts in order. */
export type Rooms = {
  readonly health: RequestHandler
  readonly backchannelLogout: RequestHandler
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
  readonly forwardAuth: ForwardAuth
  /** Resolves when every refresh and revocation under way has ended. */
  readonly settled: () => Promise<void>
  readonly close: () => Promise<void>
}

/** Joins real parts into rooms; nothing else in the broker knows two rooms at once. */
export const wire = (config: ReadyConfig, powers: Powers): Rooms => {
  const parts = sharedParts(config, powers)
  const { reply, hash, keep } = parts
  const upstream = upstreams({ nowMs: powers.clock.nowMs, log: powers.log })
  const streaming = streamRoom(powers)
  const proxy = proxyRoom(config, powers, { ...parts, ...streaming, upstream })
  const routes = routesBesideOwn(config)
  return {
    health: healthRoom(powers, parts),
    refuseForeign: refuseForeign(config.origin),
    session: sessionRoom(config, powers, parts),
    backchannelLogout: backchannelLogoutRoom(powers, parts),
    frontchannelLogout: frontchannelLogoutRoom(config, powers, parts),
    login: loginRoom(config, powers, parts),
    logout: logoutRoom(config, powers, parts),
    user: userRoutes({
      reply,
      hash,
      origin: config.origin,
      readSession: parts.records.read,
      offerCsrfCookie: parts.cookies.offerCsrf,
    }),
    spa: spaRoom(config, parts),
    errors: errorHandler(reply, powers.log),
    proxy,
    routes,
    forwardAuth: forwardAuth({ ...proxy, secret: config.forwardAuthSecret, routeFor: routes }),
    settled: keep.settled,
    close: async () => {
      streaming.tunnels.close()
      streaming.streams.close()
      await Promise.all([upstream.close(), powers.providerFetch.close(), powers.backend.close()])
    },
  }
}

/** The foundations, and what several rooms use of others. */
const sharedParts = (config: ReadyConfig, powers: Powers): Parts => {
  const base = foundations(config, powers)
  return {
    ...base,
    vault: tokenVault(base.records),
    stepUps: stepUpHandles({ backend: powers.backend, sealer: base.seal, hash: base.hash }),
  }
}

const healthRoom = ({ backend, draining }: Powers, { reply, provider }: Parts): RequestHandler =>
  healthRoutes({ reply, draining, pingStore: backend.ping, providerStatus: provider.status })

/** A route `/` must not take `/session` or `/admin`. */
const routesBesideOwn = ({ routes }: ReadyConfig): RouteTable => {
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

const spaRoom = (config: ReadyConfig, parts: Parts): RequestHandler =>
  staticApp(
    'dir' in config.spa ? config.spa.dir : 'public',
    appHeaders({ secure: config.secure, csp: config.csp, providerOrigins: parts.provider.origins }),
  )
