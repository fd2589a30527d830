import type { Configuration } from 'openid-client'
import { refreshTokenGrant } from 'openid-client'
import type { Clock } from '../core/clock.ts'
import type { Sub } from '../core/ids.ts'
import type { TokenWant } from '../core/token-set.ts'
import type { Tenant } from '../config/config.ts'
import { loggable, oauthErrorCode, oauthFailureKind } from './oauth-failure.ts'
import type { TokenAnswer } from './token-answer.ts'
import { readTokenAnswer } from './token-answer.ts'

export type RefreshOutcome =
  | { readonly kind: 'refreshed'; readonly answer: TokenAnswer }
  /** The grant is gone: the session must end. */
  | { readonly kind: 'invalid_grant'; readonly cause: unknown }
  /** The new ID token speaks of someone else (OpenID Connect Core 1.0 section 12.2): the session must end. */
  | { readonly kind: 'other_subject'; readonly refreshToken: string | undefined }
  /** Everything else: the session stays, the call may be tried again. */
  | { readonly kind: 'failed'; readonly cause: unknown }

export type RefreshRequest = {
  readonly refreshToken: string
  readonly sub: Sub
  readonly want: TokenWant
}

/** One refresh at the token endpoint (RFC 6749 section 6); never throws. */
export const refreshGrant = async (
  configuration: Configuration,
  tenant: Tenant,
  request: RefreshRequest,
  clock: Clock,
): Promise<RefreshOutcome> => {
  try {
    const answer = await refreshTokenGrant(
      configuration,
      request.refreshToken,
      refreshParameters(tenant, request.want),
    )
    const claims = answer.claims()
    if (claims !== undefined && claims.sub !== request.sub)
      return { kind: 'other_subject', refreshToken: answer.refresh_token }
    return {
      kind: 'refreshed',
      answer: readTokenAnswer(answer, tenant.clientId, clock.nowMs()),
    }
  } catch (cause) {
    const dead = oauthFailureKind(cause) === 'refused' && oauthErrorCode(cause) === 'invalid_grant'
    return { kind: dead ? 'invalid_grant' : 'failed', cause: loggable(cause) }
  }
}

const refreshParameters = (tenant: Tenant, want: TokenWant): Record<string, string> => {
  const resource = want.resource ?? tenant.resource
  return {
    ...(resource !== undefined && { resource }),
    ...(want.audience !== undefined && { audience: want.audience }),
    ...(want.scope !== undefined && { scope: want.scope }),
  }
}
