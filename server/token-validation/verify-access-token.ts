import { systemClock } from '../core/clock.ts'
import { profiles } from '../core/profiles.ts'
import type { AccessToken, Places } from './access-token.ts'
import { accessTokenFrom } from './access-token.ts'
import { AccessTokenError } from './access-token-error.ts'
import type { AccessTokenErrorCode } from './access-token-error.ts'
import { pinned } from './algorithms.ts'
import type { Fetch } from '../oidc/bounded-json.ts'
import type { CheckDeps, TokenRefusal } from './check-token.ts'
import { checkToken } from './check-token.ts'
import type { Claims } from './compact-token.ts'
import type { Expected } from './judge-claims.ts'
import { issuerKeys } from './issuer-keys.ts'
import type { Presented, TokenRequest } from './presented-token.ts'
import { presentedToken } from './presented-token.ts'
import { lacking } from './requirements.ts'
import type { Possession } from './possession.ts'
import { possession } from './possession.ts'
import type { AccessTokenOptions } from './options.ts'
import { requireSound } from './sound-options.ts'
import { tokenFaults } from './token-fault.ts'

/** Resolves with what the call's access token says; rejects with `AccessTokenError`, which holds the answer to give. */
export type VerifyAccessToken = (request: TokenRequest) => Promise<AccessToken>

/**
 * A check of the access token that a request carries, for any Node service; make it once. RFC 9068 section 4, RFC 6750, RFC 9449 section 7.
 * Throws for options that protect nothing.
 */
export const verifyAccessToken = (options: AccessTokenOptions): VerifyAccessToken => {
  requireSound(options)
  const { nowMs = systemClock.nowMs, realm = 'api' } = options
  const expected = expectedOf(options)
  const deps = depsOf(options, nowMs)
  const held = possession(options.dpop, nowMs)
  const places = placesOf(options, expected)
  const refuse: Refuse = (code, detail) =>
    new AccessTokenError(code, { schemes: held.schemes, realm, ...detail })

  return async function verify(request) {
    const presented = presentedToken(request, held.schemes)
    if (!presented.ok) throw notPresented(refuse, presented.reason)
    const { token, scheme } = presented.value
    const checked = await checkToken(token, expected, deps)
    if (!checked.ok) throw refused(refuse, scheme, checked.reason)
    await requirePossession(held, request, { ...presented.value, claims: checked.value, refuse })
    const accessToken = accessTokenFrom(checked.value, places, scheme)
    const lack = lacking(accessToken, options, (request.method ?? 'GET').toUpperCase())
    if (lack === undefined) return accessToken
    const scope = lack === 'insufficient_scope' ? options.scopes : undefined
    throw refuse(lack, { reason: lack, schemes: [scheme], scope })
  }
}

type Detail = Omit<ConstructorParameters<typeof AccessTokenError>[1], 'realm' | 'schemes'> & {
  readonly schemes?: readonly Presented['scheme'][]
}

type Refuse = (code: AccessTokenErrorCode, detail: Detail) => AccessTokenError

const notPresented = (
  refuse: Refuse,
  reason: 'no_token' | 'several_tokens' | 'malformed_header',
): AccessTokenError =>
  refuse(reason === 'no_token' ? 'token_missing' : 'invalid_request', { reason })

const refused = (
  refuse: Refuse,
  scheme: Presented['scheme'],
  refusal: TokenRefusal,
): AccessTokenError =>
  refusal.kind === 'unavailable'
    ? refuse('keys_unavailable', { reason: 'keys_unavailable', cause: refusal.cause })
    : refuse('invalid_token', {
        reason: refusal.fault,
        schemes: [scheme],
        description: tokenFaults[refusal.fault],
      })

type Holding = Presented & { readonly claims: Claims; readonly refuse: Refuse }

const requirePossession = async (
  held: Possession,
  request: TokenRequest,
  { refuse, ...holding }: Holding,
): Promise<void> => {
  const fault = await held.fault(request, holding)
  if (fault === undefined) return
  const { scheme } = holding
  if (fault.kind === 'proof')
    throw refuse('invalid_dpop_proof', { reason: fault.fault, schemes: ['DPoP'] })
  throw refused(refuse, scheme, { kind: 'fault', fault: fault.fault })
}

const expectedOf = (options: AccessTokenOptions): Expected => {
  const { issuer, audience, profile = 'generic', clockToleranceSeconds = 5 } = options
  const audiences = typeof audience === 'string' ? [audience] : audience
  const { accessToken } = profiles[profile]
  const dialect = { ...accessToken, typ: options.typ ?? accessToken.typ }
  return { issuer, audiences, dialect, toleranceSeconds: clockToleranceSeconds }
}

/** Looked up at each call, so that whoever instruments the global one sees these calls too. */
const usualFetch: Fetch = (url, init) => globalThis.fetch(url, init)

const depsOf = (options: AccessTokenOptions, nowMs: () => number): CheckDeps => {
  const { fetch = usualFetch, timeoutMs = 5_000 } = options
  return {
    keys: issuerKeys({ ...options, fetch, timeoutMs, nowMs }),
    algorithms: pinned(options.algorithms),
    nowMs,
  }
}

/** Where a provider keeps a client's own roles, this service's are under its audience. */
const placesOf = (
  { rolesClaim, tenantClaim, profile = 'generic' }: AccessTokenOptions,
  { audiences, dialect }: Expected,
): Places => {
  const usual = profiles[profile]
  const own = audiences.flatMap((audience) =>
    usual.furtherRoles.map((path) =>
      path.map((part) => (part === '{client_id}' ? audience : part)),
    ),
  )
  const roles = rolesClaim ?? [usual.rolesClaim, ...own]
  return {
    roles: typeof roles === 'string' ? [roles] : roles,
    tenant: tenantClaim ?? dialect.tenantClaim,
    dialect,
  }
}
