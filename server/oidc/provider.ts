import type { Tenant } from '../config/config.ts'
import type { Clock } from '../core/clock.ts'
import { withDeadline } from '../core/deadline.ts'
import { BrokerError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Result } from '../core/result.ts'
import type { TokenWant } from '../core/token-set.ts'
import type { LoginBinding, LoginWish } from './authorization-request.ts'
import { authorizationUrl } from './authorization-request.ts'
import type { LogoutRefusal } from './check-logout-token.ts'
import { checkLogoutToken } from './check-logout-token.ts'
import { clientCredentials } from './client-credentials.ts'
import type { Callback } from './code-exchange.ts'
import { exchangeCode } from './code-exchange.ts'
import type { EndSessionRequest } from './end-session.ts'
import { endSessionUrl, revokeToken } from './end-session.ts'
import type { Introspection } from './introspection.ts'
import { introspect } from './introspection.ts'
import type { GrantOutcome } from './grant-outcome.ts'
import type { IssuerStatus, Issuers, MetIssuer } from './issuers.ts'
import type { LogoutOrder } from './logout-token.ts'
import type { RefreshOutcome, RefreshRequest } from './refresh-grant.ts'
import { isTrouble, refreshGrant } from './refresh-grant.ts'
import type { IDToken, TokenAnswer } from './token-answer.ts'
import type { ExchangeOutcome, ExchangeRequest } from './token-exchange.ts'
import { tokenExchange } from './token-exchange.ts'
import { addedClaims, lacksClaims } from './userinfo.ts'

/** One tenant's authorization server, a function for each message; all but the last two reject with `idp_unavailable` when it is away. */
export type Provider = {
  readonly authorizationUrl: (wish: LoginWish, binding: LoginBinding) => Promise<URL>
  readonly exchange: (callback: Exchange) => Promise<TokenAnswer>
  readonly refresh: (request: RefreshRequest) => Promise<RefreshOutcome>
  /** A token for the client itself; never rejects. */
  readonly clientCredentials: (want: TokenWant) => Promise<GrantOutcome>
  /** The user's token in exchange for another; never rejects. */
  readonly tokenExchange: (request: ExchangeRequest) => Promise<ExchangeOutcome>
  readonly revoke: (refreshToken: string) => Promise<void>
  readonly checkLogoutToken: (token: string) => Promise<Result<LogoutOrder, LogoutRefusal>>
  /** What the provider says of an access token; rejects when it does not say in time. */
  readonly introspect: (accessToken: string) => Promise<Introspection>
  /** Where the keys are that sign its tokens. */
  readonly jwksUri: () => Promise<string>
  readonly endSessionUrl: (request: EndSessionRequest) => Promise<string | undefined>
  readonly origins: () => readonly string[]
  readonly status: () => IssuerStatus
}

export type Exchange = Omit<Callback, 'redirectUri'> & {
  /** Whether tokens that nobody will hold are revoked: at some providers that ends other grants as well. */
  readonly revokesUnused: boolean
}

export type ProviderDeps = {
  readonly issuers: Issuers
  readonly clock: Clock
  readonly log: Log
  /** The claims that a session is made of. */
  readonly claims: readonly string[]
}

const tooSlow = () => new BrokerError('idp_unavailable', { retryAfterSeconds: 5 })

/** The tenant's provider, met under our one redirect URI, which comes from settings alone. */
export const provider = (tenant: Tenant, redirectUri: string, deps: ProviderDeps): Provider => {
  const { issuers, clock } = deps
  const met = () => issuers.metAt(tenant)
  const configuration = async () => (await met()).configuration
  const revoke = async (refreshToken: string) => await revokeToken(await met(), refreshToken)
  let isAway = false
  return {
    authorizationUrl: async (wish, binding) =>
      await authorizationUrl(await configuration(), tenant, { redirectUri, wish, binding }),
    exchange: async (callback) => {
      const issuer = await met()
      const exchange = exchangeCode(issuer, tenant, { ...callback, redirectUri }, clock)
      try {
        return await withUserInfo(
          await withDeadline(exchange, tenant.timeoutMs, tooSlow),
          issuer,
          deps,
        )
      } catch (error) {
        if (callback.revokesUnused) revokeUnused(exchange, revoke)
        throw error
      }
    },
    refresh: async (request) => {
      const outcome = await refreshWhenMet(met, tenant, request, clock)
      isAway = isTrouble(outcome)
      return outcome
    },
    clientCredentials: (want) => clientCredentials(met, tenant, want, clock),
    tokenExchange: (request) => tokenExchange(met, tenant, request, clock),
    revoke,
    checkLogoutToken: (token) => checkLogoutToken(token, met, tenant, clock),
    introspect: async (accessToken) =>
      await withDeadline(introspect(await met(), accessToken), tenant.timeoutMs, tooSlow),
    jwksUri: async () => (await configuration()).serverMetadata().jwks_uri ?? '',
    endSessionUrl: async (request) => endSessionUrl(await configuration(), tenant, request),
    origins: () => issuers.origins(tenant),
    status: () => (isAway ? 'unreachable' : issuers.status(tenant)),
  }
}

/**
 * The answer with what the ID token leaves out and the UserInfo endpoint tells; the ID token's own claims stand.
 * An endpoint that fails costs claims, not the login; one that speaks of somebody else is an attack.
 */
const withUserInfo = async (
  answer: TokenAnswer,
  { userInfo }: MetIssuer,
  { claims: wanted, log }: ProviderDeps,
): Promise<TokenAnswer> => {
  const { idToken, tokenSet } = answer
  if (idToken === undefined || userInfo === undefined) return answer
  if (!lacksClaims(idToken.claims, wanted)) return answer
  const info = await userInfo(tokenSet.accessToken, idToken.claims.sub)
  switch (info.kind) {
    case 'claims': {
      // Out of JSON both.
      const added = addedClaims(info.claims, idToken.claims)
      const claims = { ...added, ...idToken.claims } as IDToken
      return { ...answer, idToken: { ...idToken, claims } }
    }
    case 'nothing':
      log.warn({ err: info.cause }, 'userinfo not read: the session has the claims of the ID token')
      return answer
    case 'other_subject':
      throw new BrokerError('login_failed', { cause: new Error('userinfo: another subject') })
  }
}

/** Tokens that nobody will hold must not live on, whenever they come home. */
const revokeUnused = (
  exchange: Promise<TokenAnswer>,
  revoke: (refreshToken: string) => Promise<void>,
): void => {
  exchange
    .then(({ refreshToken }) => (refreshToken === undefined ? undefined : revoke(refreshToken)))
    .catch(() => undefined)
}

/** A provider that cannot be discovered was not asked for anything. */
const refreshWhenMet = async (
  met: () => Promise<MetIssuer>,
  tenant: Tenant,
  request: RefreshRequest,
  clock: Clock,
): Promise<RefreshOutcome> => {
  try {
    return await refreshGrant(await met(), tenant, request, clock)
  } catch (cause) {
    return { kind: 'try_again', cause, refused: false }
  }
}
