import type { Powers, ReadyConfig } from './foundations.ts'
import { foundations } from './foundations.ts'
import type { ErrorRequestHandler, RequestHandler } from 'express'
import { acceptLogoutToken } from './backchannel-logout/accept-logout-token.ts'
import { backchannelLogoutRoutes } from './backchannel-logout/routes.ts'
import type { ForwardAuth } from './forward-auth/forward-auth.ts'
import { forwardAuth } from './forward-auth/forward-auth.ts'
import { frontchannelLogoutRoutes } from './frontchannel-logout/routes.ts'
import { healthRoutes } from './health/routes.ts'
import { csrfMiddleware } from './http/csrf-middleware.ts'
import { isOwnAddress } from './http/endpoints.ts'
import { errorHandler } from './http/error-handler.ts'
import { formReader, requireForm } from './http/parameters.ts'
import { refuseForeign } from './http/require-app.ts'
import { appHeaders } from './http/security-headers.ts'
import { finishLogin } from './login/finish-login.ts'
import { loginRoutes } from './login/routes.ts'
import { startLogin } from './login/start-login.ts'
import { transactions } from './login/transactions.ts'
import { endLogin } from './logout/end-login.ts'
import { logoutRoutes } from './logout/routes.ts'
import { otherAccountPrompt, whyNotAllowed } from './oidc/may-log-in.ts'
import { principalOf } from './oidc/principal-of.ts'
import { claimsInHeaders } from './proxy/claim-headers.ts'
import type { HotPathDeps } from './proxy/hot-path.ts'
import type { RouteTable } from './proxy/route-table.ts'
import { routeTable } from './proxy/route-table.ts'
import { upstreams } from './proxy/upstreams.ts'
import { liveSessionId } from './session/lifecycle.ts'
import { sessionMiddleware } from './session/middleware.ts'
import { staticApp } from './spa/static-app.ts'
import { stepUpHandles } from './step-up/handles.ts'
import { userRoutes } from './user/routes.ts'
import { tokenVault } from './vault/vault.ts'
import type { Parts } from './wire-gateway.ts'
import { proxyRoom, streamRoom } from './wire-gateway.ts'

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

const healthRoom = ({ backend, draining }: Powers, { reply, provider }: Parts): RequestHandler =>
  healthRoutes({ reply, draining, pingStore: backend.ping, providerStatus: provider.status })

/** The foundations, and what several rooms use of others. */
const sharedParts = (config: ReadyConfig, powers: Powers): Parts => {
  const base = foundations(config, powers)
  return {
    ...base,
    vault: tokenVault(base.records),
    stepUps: stepUpHandles({ backend: powers.backend, sealer: base.seal, hash: base.hash }),
  }
}

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

const loginRoom = (config: ReadyConfig, powers: Powers, parts: Parts): RequestHandler => {
  const { tenant, secure } = config
  const { random, log, backend } = powers
  const pending = transactions({
    backend,
    random,
    sealer: parts.seal,
    cookieName: parts.names.login,
  })
  const door = { origin: config.origin, issuer: tenant.issuer, tenant: tenant.id }
  return loginRoutes(
    {
      log,
      door,
      secure,
      reply: parts.reply,
      responseMode: tenant.responseMode,
      cookieName: parts.names.login,
      otherAccountPrompt: otherAccountPrompt(tenant.profile),
      transactions: pending,
      redeemStepUp: parts.stepUps.redeem,
      start: startLogin({
        random,
        transactions: pending,
        issuer: tenant.issuer,
        authorizationUrl: parts.provider.authorizationUrl,
      }),
      finish: finishing(config, powers, parts),
      onLogin: parts.cookies.offerCsrf,
    },
    [formReader, requireForm],
  )
}

const finishing = (config: ReadyConfig, { log, clock }: Powers, parts: Parts) => {
  const inHeaders = claimsInHeaders(config.routes)
  return finishLogin({
    log,
    nowMs: clock.nowMs,
    issuer: config.tenant.issuer,
    exchange: (parameters, { binding, maxAgeSeconds }) =>
      parts.provider.exchange({ parameters, binding, maxAgeSeconds }),
    principalOf: (claims) => principalOf(claims, config.tenant, config.session.claims, inHeaders),
    whyNotAllowed: (claims) => whyNotAllowed(claims, config.tenant),
    createVault: parts.vault.create,
    createListing: (id, listing) => parts.records.create(id, 'listing', listing),
    endSession: (id) => parts.records.end(id, 'session_revoked'),
    revoke: (token) => {
      parts.keep.add(parts.provider.revoke(token)).catch((err: unknown) => {
        log.warn({ err }, 'token of a failed login not revoked')
      })
    },
    enlist: parts.signOut.enlist,
    isSignedOut: parts.signOut.isSignedOut,
  })
}

const backchannelLogoutRoom = (powers: Powers, parts: Parts): RequestHandler =>
  backchannelLogoutRoutes({
    log: powers.log,
    reply: parts.reply,
    readForm: formReader,
    accept: acceptLogoutToken({
      log: powers.log,
      nowMs: powers.clock.nowMs,
      check: parts.provider.checkLogoutToken,
      putOnce: powers.backend.putOnce,
      endSessions: parts.signOut.end,
    }),
  })

const frontchannelLogoutRoom = (
  { tenant }: ReadyConfig,
  { log, clock }: Powers,
  parts: Parts,
): RequestHandler =>
  tenant.frontchannel === undefined
    ? (_req, _res, next) => next()
    : frontchannelLogoutRoutes({
        log,
        nowMs: clock.nowMs,
        reply: parts.reply,
        issuer: tenant.issuer,
        namedBy: tenant.frontchannel,
        providerOrigins: parts.provider.origins,
        endSessions: parts.signOut.endKnown,
      })

const logoutRoom = (config: ReadyConfig, powers: Powers, parts: Parts): RequestHandler =>
  logoutRoutes({
    reply: parts.reply,
    origin: config.origin,
    hash: parts.hash,
    readForm: formReader,
    csrf: csrfMiddleware({
      hash: parts.hash,
      origin: config.origin,
      sessionIdOf: liveSessionId,
    }),
    clearCookies: parts.cookies.clear,
    endLogin: endLogin({
      log: powers.log,
      random: powers.random,
      backend: powers.backend,
      sealer: parts.seal,
      idTokenHint: config.tenant.logoutHint === 'id_token',
      postLogoutRedirectUri: `${config.origin}/logout/callback`,
      endSession: (id) => parts.vault.end(id, 'session_revoked'),
      revoke: parts.provider.revoke,
      endSessionUrl: parts.provider.endSessionUrl,
      keep: parts.keep.add,
    }),
  })

const spaRoom = (config: ReadyConfig, parts: Parts): RequestHandler =>
  staticApp(
    'dir' in config.spa ? config.spa.dir : 'public',
    appHeaders({ secure: config.secure, csp: config.csp, providerOrigins: parts.provider.origins }),
  )
