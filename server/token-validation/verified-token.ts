import type { Route } from '../config/config.ts'
import { BrokerError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Principal } from '../core/principal.ts'
import type { AccessTokenDialect } from '../core/dialects.ts'
import type { TokenSet } from '../core/token-set.ts'
import { loginPath } from '../http/endpoints.ts'
import type { Introspection } from '../oidc/introspection.ts'
import { isBound, isSignedJwt, opaqueVerdict } from './check-opaque.ts'
import type { CheckDeps } from './check-token.ts'
import { checkToken } from './check-token.ts'
import type { Expected } from './judge-claims.ts'
import type { TokenFault } from './token-fault.ts'
import { tokenFaults } from './token-fault.ts'
import type { Verdict } from './verdict-cache.ts'
import { verdictCache } from './verdict-cache.ts'

export type VerifiedTokenDeps = CheckDeps & {
  readonly log: Log
  readonly introspect: (token: string) => Promise<Introspection>
  readonly dialect: AccessTokenDialect
  /** Whom the tokens are for where the route does not say. */
  readonly audience: string | undefined
}

/** A call that may go, less what is nobody's matter here. */
export type Verifiable = {
  readonly principal: Principal | undefined
  readonly token: TokenSet | undefined
  readonly insteadToken: (() => Promise<TokenSet | undefined>) | undefined
}

/** The machines of a provider and of a broker are set by others' clocks. */
const toleranceSeconds = 30

/**
 * Passes a call whose token would pass at the service too; a token whose time is over is replaced once. Rejects with `insufficient_scope`
 * for one that is not for this route, `session_expired` when there is no other, `idp_unavailable` when nobody can tell.
 */
export const verifiedToken = (deps: VerifiedTokenDeps) => {
  const cached = verdictCache(deps.nowMs)
  const judged = (token: string, expected: Expected) => {
    const key = `${expected.issuer} ${expected.audiences.join(' ')} ${token}`
    return cached(key, () => verdictOn(deps, token, expected))
  }
  return async <C extends Verifiable>(call: C, route: Route): Promise<C> => {
    const { token, principal } = call
    if (token === undefined || principal === undefined) return call
    const expected = expectedFor(deps, route, principal)
    const pass = async (set: TokenSet): Promise<'good' | TokenFault> => {
      const verdict = await judged(set.accessToken, expected)
      if (verdict.kind === 'good') return 'good'
      if (verdict.kind === 'fault') return verdict.fault
      throw new BrokerError('idp_unavailable', { retryAfterSeconds: 5, cause: verdict.cause })
    }
    const passed = { ...call, insteadToken: checkedInstead(deps, { call, route, pass }) }
    const first = await pass(token)
    if (first === 'good') return passed
    if (!isSpent(first) || token.forced === true) throw notForRoute(deps, route, first)
    const other = await call.insteadToken?.()
    if (other === undefined) throw noOther(deps, route, first)
    const second = await pass(other)
    if (second !== 'good') throw notForRoute(deps, route, second)
    return { ...passed, token: other }
  }
}

type Instead = {
  readonly call: Verifiable
  readonly route: Route
  readonly pass: (set: TokenSet) => Promise<'good' | TokenFault>
}

/** The token that is sent when the service calls the first one invalid is checked as well. */
const checkedInstead = (deps: VerifiedTokenDeps, { call, route, pass }: Instead) => {
  const { insteadToken } = call
  if (insteadToken === undefined) return undefined
  return async (): Promise<TokenSet | undefined> => {
    const other = await insteadToken()
    if (other === undefined) return undefined
    const found = await pass(other)
    if (found !== 'good') throw notForRoute(deps, route, found)
    return other
  }
}

const expectedFor = (
  { dialect, audience }: VerifiedTokenDeps,
  route: Route,
  { issuer }: Principal,
): Expected => {
  const own = route.audience ?? route.resource ?? audience
  return { issuer, dialect, toleranceSeconds, audiences: own === undefined ? [] : [own] }
}

const verdictOn = async (
  deps: VerifiedTokenDeps,
  token: string,
  expected: Expected,
): Promise<Verdict> => {
  if (!isSignedJwt(token)) return await introspected(deps, token, expected)
  const checked = await checkToken(token, expected, deps)
  if (!checked.ok) return checked.reason
  if (isBound(checked.value)) return { kind: 'fault', fault: 'sender_constrained' }
  return { kind: 'good', untilMs: Number(checked.value['exp']) * 1_000 }
}

const introspected = async (
  { introspect, nowMs }: VerifiedTokenDeps,
  token: string,
  expected: Expected,
): Promise<Verdict> => {
  try {
    return opaqueVerdict(await introspect(token), expected, nowMs())
  } catch (cause) {
    return { kind: 'unavailable', cause }
  }
}

/** Another token may do; for every other fault, the next one would have it too. */
const isSpent = (fault: TokenFault): boolean => fault === 'expired' || fault === 'inactive'

/** A mistake of whoever set route and provider up: neither a login nor another try mends it. */
const notForRoute = ({ log }: VerifiedTokenDeps, route: Route, fault: TokenFault): BrokerError => {
  log.warn({ reason: fault, route: route.path }, 'access token refused by verify_token')
  return new BrokerError('insufficient_scope', { detail: `${tokenFaults[fault]}.` })
}

/**
 * The login is asked for by name: one that lives on at the session's word alone would come back with the same token.
 * No login brings a token that is not the login's own.
 */
const noOther = ({ log }: VerifiedTokenDeps, route: Route, fault: TokenFault): BrokerError => {
  log.info({ reason: fault, route: route.path }, 'access token refused, and there is no other')
  if (route.token === 'service' || route.token === 'exchange')
    return new BrokerError('idp_unavailable', { retryAfterSeconds: 5, cause: new Error(fault) })
  return new BrokerError('session_expired', { loginUrl: `${loginPath}?prompt=login` })
}
