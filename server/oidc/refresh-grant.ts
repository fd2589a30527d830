import { refreshTokenGrant } from 'openid-client'
import type { Clock } from '../core/clock.ts'
import type { Sub } from '../core/ids.ts'
import type { TokenWant } from '../core/token-set.ts'
import type { Tenant } from '../config/config.ts'
import type { VerifySignature } from './signature-check.ts'
import type { MetIssuer } from './issuers.ts'
import { loggable } from './oauth-failure.ts'
import { refreshFailureKind, retryAfterSecondsOf } from './refresh-failure.ts'
import type { TokenAnswer } from './token-answer.ts'
import { readTokenAnswer } from './token-answer.ts'
import { tokenParameters } from './token-parameters.ts'

export type RefreshOutcome =
  | { readonly kind: 'refreshed'; readonly answer: TokenAnswer }
  /** The grant is gone: the session must end. */
  | { readonly kind: 'invalid_grant'; readonly cause: unknown }
  /** The new ID token speaks of someone else (OpenID Connect Core 1.0 section 12.2): the session must end. */
  | { readonly kind: 'other_subject'; readonly refreshToken: string | undefined }
  /** The refresh token was not used up: the same one may be sent again, later. */
  | {
      readonly kind: 'try_again'
      readonly cause: unknown
      readonly retryAfterSeconds?: number | undefined
    }
  /** Sent, and no telling what became of it: a rotating provider would take a second sending for theft. */
  | { readonly kind: 'in_doubt'; readonly cause: unknown }

export type RefreshRequest = {
  readonly refreshToken: string
  readonly sub: Sub
  readonly want: TokenWant
}

/** One refresh at the token endpoint (RFC 6749 section 6); never throws. */
export const refreshGrant = async (
  { configuration, verifySignature }: MetIssuer,
  tenant: Tenant,
  request: RefreshRequest,
  clock: Clock,
): Promise<RefreshOutcome> => {
  const { refreshToken, sub, want } = request
  try {
    const parameters = tokenParameters(tenant, want)
    const answer = await refreshTokenGrant(configuration, refreshToken, parameters)
    const claims = answer.claims()
    if (claims !== undefined && claims.sub !== sub)
      return { kind: 'other_subject', refreshToken: answer.refresh_token }
    const read = readTokenAnswer(answer, tenant.clientId, clock.nowMs())
    return { kind: 'refreshed', answer: await withTrustedIdToken(read, verifySignature) }
  } catch (error) {
    const cause = loggable(error)
    const kind = refreshFailureKind(error)
    return kind === 'try_again'
      ? { kind, cause, retryAfterSeconds: retryAfterSecondsOf(error) }
      : { kind, cause }
  }
}

/**
 * A refresh may bring an ID token; one whose signature cannot be checked now is left out, and the tokens are kept: they came
 * from the token endpoint itself, and they are rotated already. A forged one spoils the whole answer.
 */
const withTrustedIdToken = async (
  answer: TokenAnswer,
  verify: VerifySignature,
): Promise<TokenAnswer> => {
  if (answer.idToken === undefined) return answer
  const verdict = await verify(answer.idToken.raw)
  if (verdict === 'forged') throw new Error('ID token of a refresh: forged signature')
  return verdict === 'verified' ? answer : { ...answer, idToken: undefined }
}
