import type { TokenEndpointResponse } from 'openid-client'
import { refreshTokenGrant } from 'openid-client'
import type { Clock } from '../core/clock.ts'
import type { Issuer, Sid, Sub } from '../core/ids.ts'
import { profiles } from '../core/profiles.ts'
import type { StepUpDemand } from '../core/step-up.ts'
import type { TokenWant } from '../core/token-set.ts'
import type { Tenant } from '../config/config.ts'
import type { VerifySignature } from './signature-check.ts'
import type { MetIssuer } from './issuers.ts'
import { loggable } from './oauth-failure.ts'
import {
  isOneRefusal,
  neededLoginOf,
  refreshFailureKind,
  retryAfterSecondsOf,
} from './refresh-failure.ts'
import type { ChangedClaim, OriginalLogin } from './same-login.ts'
import { changedClaim } from './same-login.ts'
import { idTokenOfRefresh } from './sane-token-answers.ts'
import type { Answered, TokenAnswer } from './token-answer.ts'
import { parseIdToken, readIdToken, readTokens } from './token-answer.ts'
import { tokenParameters } from './token-parameters.ts'

export type RefreshOutcome =
  | { readonly kind: 'refreshed'; readonly answer: TokenAnswer }
  /** The grant is gone: the session must end. */
  | { readonly kind: 'invalid_grant'; readonly cause: unknown }
  /** The new ID token speaks of another login (OpenID Connect Core 1.0 section 12.2): the session must end. */
  | {
      readonly kind: 'other_login'
      readonly claim: ChangedClaim
      readonly refreshToken: string | undefined
    }
  /** The provider wants to see the person; the refresh token was not used up. */
  | { readonly kind: 'login_needed'; readonly demand: StepUpDemand; readonly cause: unknown }
  /** The refresh token was not used up: the same one may be sent again, later. */
  | {
      readonly kind: 'try_again'
      readonly cause: unknown
      /** The provider is well, and said no. */
      readonly refused: boolean
      readonly retryAfterSeconds?: number | undefined
    }
  /** Sent, and no telling what became of it: a rotating provider would take a second sending for theft. */
  | { readonly kind: 'in_doubt'; readonly cause: unknown }

/** Whether the provider is not well, as far as this refresh tells. */
export const isTrouble = (outcome: RefreshOutcome): boolean =>
  outcome.kind === 'in_doubt' || (outcome.kind === 'try_again' && !outcome.refused)

export type RefreshRequest = {
  readonly refreshToken: string
  /** The login that the token came from. */
  readonly login: {
    readonly issuer: Issuer
    readonly sub: Sub
    readonly sid?: Sid | undefined
    readonly authTimeSeconds?: number | undefined
    readonly nonce?: string | undefined
  }
  readonly want: TokenWant
}

/** One refresh at the token endpoint (RFC 6749 section 6); never throws. */
export const refreshGrant = async (
  { asClient, verifySignature }: MetIssuer,
  tenant: Tenant,
  request: RefreshRequest,
  clock: Clock,
): Promise<RefreshOutcome> => {
  const { clientId } = tenant
  const { authTimeMoves } = profiles[tenant.profile]
  const askedAtMs = clock.nowMs()
  try {
    const parameters = tokenParameters(tenant, request.want)
    const answer = await asClient((configuration) =>
      refreshTokenGrant(configuration, request.refreshToken, parameters),
    )
    return await judge(answer, { ...request.login, clientId, authTimeMoves }, verifySignature, {
      askedAtMs,
      nowMs: clock.nowMs(),
    })
  } catch (error) {
    const cause = loggable(error)
    const demand = neededLoginOf(error)
    if (demand !== undefined) return { kind: 'login_needed', demand, cause }
    const kind = refreshFailureKind(error)
    return kind === 'try_again'
      ? { kind, cause, refused: isOneRefusal(error), retryAfterSeconds: retryAfterSecondsOf(error) }
      : { kind, cause }
  }
}

/**
 * A refresh may bring an ID token; one whose signature cannot be checked now is left out, and the tokens are kept: they came
 * from the token endpoint itself, and they are rotated already. A forged or stale one spoils the whole answer.
 */
const judge = async (
  answer: TokenEndpointResponse,
  original: OriginalLogin,
  verify: VerifySignature,
  answered: Answered,
): Promise<RefreshOutcome> => {
  const { nowMs } = answered
  const tokens = readTokens(answer, answered)
  const raw = idTokenOfRefresh(answer)
  if (raw === undefined) return { kind: 'refreshed', answer: tokens }
  const claim = changedClaim(parseIdToken(raw).claims, original)
  if (claim !== undefined) return { kind: 'other_login', claim, refreshToken: answer.refresh_token }
  const { issuer, clientId } = original
  const idToken = readIdToken(raw, { issuer, clientId, accessToken: answer.access_token, nowMs })
  const verdict = await verify(raw)
  if (verdict === 'forged') throw new Error('ID token of a refresh: forged signature')
  return {
    kind: 'refreshed',
    answer: verdict === 'verified' ? { ...tokens, idToken } : tokens,
  }
}
