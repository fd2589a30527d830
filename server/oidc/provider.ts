import type { Tenant } from '../config/config.ts'
import type { Clock } from '../core/clock.ts'
import { withDeadline } from '../core/deadline.ts'
import { BrokerError } from '../core/errors.ts'
import type { Result } from '../core/result.ts'
import type { LoginBinding, LoginWish } from './authorization-request.ts'
import { authorizationUrl } from './authorization-request.ts'
import type { LogoutRefusal } from './check-logout-token.ts'
import { checkLogoutToken } from './check-logout-token.ts'
import type { Callback } from './code-exchange.ts'
import { exchangeCode } from './code-exchange.ts'
import type { EndSessionRequest } from './end-session.ts'
import { endSessionUrl, revokeToken } from './end-session.ts'
import { checkIssuer } from './issuer-template.ts'
import type { IssuerStatus, Issuers, MetIssuer } from './issuers.ts'
import type { LogoutOrder } from './logout-token.ts'
import type { RefreshOutcome, RefreshRequest } from './refresh-grant.ts'
import { refreshGrant } from './refresh-grant.ts'
import type { TokenAnswer } from './token-answer.ts'

/** One tenant's authorization server, a function for each message; all but the last two reject with `idp_unavailable` when it is away. */
export type Provider = {
  readonly authorizationUrl: (wish: LoginWish, binding: LoginBinding) => Promise<URL>
  readonly exchange: (callback: Omit<Callback, 'redirectUri'>) => Promise<TokenAnswer>
  readonly refresh: (request: RefreshRequest) => Promise<RefreshOutcome>
  readonly revoke: (refreshToken: string) => Promise<void>
  readonly checkLogoutToken: (token: string) => Promise<Result<LogoutOrder, LogoutRefusal>>
  readonly endSessionUrl: (request: EndSessionRequest) => Promise<string | undefined>
  readonly origins: () => readonly string[]
  readonly status: () => IssuerStatus
}

const tooSlow = () => new BrokerError('idp_unavailable', { retryAfterSeconds: 5 })

/** The tenant's provider, met under our one redirect URI, which comes from settings alone. */
export const provider = (
  tenant: Tenant,
  redirectUri: string,
  { issuers, clock }: { readonly issuers: Issuers; readonly clock: Clock },
): Provider => {
  const met = () => issuers.metAt(tenant)
  const configuration = async () => (await met()).configuration
  const revoke = async (refreshToken: string) =>
    await revokeToken(await configuration(), refreshToken)
  let isAway = false
  return {
    authorizationUrl: async (wish, binding) =>
      await authorizationUrl(await configuration(), tenant, { redirectUri, wish, binding }),
    exchange: async (callback) => {
      const exchange = exchangeCode(await met(), tenant, { ...callback, redirectUri }, clock).then(
        (answer) => requireIssuer(answer, tenant),
      )
      return await withDeadline(exchange, tenant.timeoutMs, tooSlow).catch((error: unknown) => {
        revokeLate(exchange, revoke)
        throw error
      })
    },
    refresh: async (request) => {
      const outcome = await refreshWhenMet(met, tenant, request, clock)
      isAway = outcome.kind === 'try_again' || outcome.kind === 'in_doubt'
      return outcome
    },
    revoke,
    checkLogoutToken: (token) => checkLogoutToken(token, met, tenant, clock),
    endSessionUrl: async (request) => endSessionUrl(await configuration(), tenant, request),
    origins: () => issuers.origins(tenant),
    status: () => (isAway ? 'unreachable' : issuers.status(tenant)),
  }
}

/** Only a tenant that may log in does, where many share an issuer; throws `login_failed`. */
const requireIssuer = (answer: TokenAnswer, tenant: Tenant): TokenAnswer => {
  const verdict = answer.idToken && checkIssuer(answer.idToken.claims, tenant)
  if (verdict?.ok !== false) return answer
  throw new BrokerError('login_failed', {
    cause: new Error(`ID token: ${verdict.reason}`),
    detail: verdict.reason === 'tid_is_not_allowed' ? notAllowed : undefined,
  })
}

const notAllowed = 'Your organisation has no access to this app.'

/** Tokens that come home when nobody waits for them any more must not live on. */
const revokeLate = (
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
    return { kind: 'try_again', cause }
  }
}
