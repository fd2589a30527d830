import type { ReadyConfig } from './config/ready-config.ts'
import type { Powers } from './foundations.ts'
import type { RequestHandler } from 'express'
import { profiles } from './core/profiles.ts'
import { acceptLogoutToken } from './backchannel-logout/accept-logout-token.ts'
import { frontchannelLogoutRoutes } from './frontchannel-logout/routes.ts'
import { csrfMiddleware } from './http/csrf-middleware.ts'
import { formReader, requireForm } from './http/parameters.ts'
import { finishLogin } from './login/finish-login.ts'
import { loginRoutes } from './login/routes.ts'
import { startLogin } from './login/start-login.ts'
import { transactions } from './login/transactions.ts'
import { endLogin } from './logout/end-login.ts'
import { logoutRoutes } from './logout/routes.ts'
import { claimsElsewhere, principalOf } from './oidc/principal-of.ts'
import { issuersOf } from './oidc/issuer-template.ts'
import { otherAccountPrompt, whyNotAllowed } from './oidc/may-log-in.ts'
import { whyNotOfTenant } from './oidc/tenant-claim.ts'
import { claimsInHeaders } from './proxy/claim-headers.ts'
import { liveSessionId } from './session/lifecycle.ts'
import { replaceSession } from './session/replace.ts'
import type { Parts } from './wire-gateway.ts'

/** `/login` and `/callback`. */
export const loginRoom = (config: ReadyConfig, powers: Powers, parts: Parts): RequestHandler => {
  const { tenant, secure } = config
  const { random, log, backend } = powers
  const pending = transactions({
    backend,
    random,
    sealer: parts.seal,
    cookieName: parts.names.login,
  })
  const { origin } = config
  const door = { origin, base: parts.base, issuer: tenant.issuer, tenant: tenant.id }
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
    exchange: (parameters, pending, revokesUnused) => {
      const { binding, maxAgeSeconds } = pending
      return parts.provider.exchange({ parameters, binding, maxAgeSeconds, revokesUnused })
    },
    principalOf: (claims) => {
      const elsewhere = claimsElsewhere(claims)
      if (elsewhere.length > 0)
        log.warn({ claims: elsewhere, sub: claims.sub }, 'claims not in the ID token: left out')
      return principalOf(claims, config.tenant, config.session.claims, inHeaders)
    },
    whyNotAllowed: (claims) => whyNotAllowed(claims, config.tenant),
    whyNotOfTenant: (claims) => whyNotOfTenant(claims, config.tenant),
    createVault: parts.vault.create,
    createListing: (id, listing) => parts.records.create(id, 'listing', listing),
    endSession: (id) => parts.records.end(id, 'session_revoked'),
    replaceSession: replaceSession(parts.records),
    revoke: (token) => {
      parts.keep.add(parts.provider.revoke(token)).catch((err: unknown) => {
        log.warn({ err }, 'token of a failed login not revoked')
      })
    },
    revokesTheSession: profiles[config.tenant.profile].revokesTheSession,
    enlist: parts.signOut.enlist,
    isSignedOut: parts.signOut.isSignedOut,
  })
}

/** What the tenant's provider may end by a logout token. */
export const logoutOrders = (powers: Powers, parts: Parts) =>
  acceptLogoutToken({
    log: powers.log,
    nowMs: powers.clock.nowMs,
    check: parts.provider.checkLogoutToken,
    putOnce: powers.backend.putOnce,
    endSessions: parts.signOut.end,
  })

/** `/frontchannel-logout`: the same by a frame in the browser. */
export const frontchannelLogoutRoom = (
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
        endSessions: async ({ sid }, beforeMs) => {
          const ended = issuersOf(tenant).map((issuer) =>
            parts.signOut.endKnown({ issuer, sid }, beforeMs),
          )
          return (await Promise.all(ended)).reduce((sum, each) => sum + each, 0)
        },
      })

/** `/logout` and what comes back from the provider. */
export const logoutRoom = (config: ReadyConfig, powers: Powers, parts: Parts): RequestHandler =>
  logoutRoutes({
    reply: parts.reply,
    origin: config.origin,
    base: parts.base,
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
      postLogoutRedirectUri: `${config.origin}${parts.base}/logout/callback`,
      base: parts.base,
      endSession: (id) => parts.vault.end(id, 'session_revoked'),
      revoke: parts.provider.revoke,
      endSessionUrl: parts.provider.endSessionUrl,
      keep: parts.keep.add,
    }),
  })
