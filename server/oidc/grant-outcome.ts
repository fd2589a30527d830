import type { TokenEndpointResponse } from 'openid-client'
import { WWWAuthenticateChallengeError } from 'openid-client'
import { withDeadline } from '../core/deadline.ts'
import { BrokerError } from '../core/errors.ts'
import type { StepUpDemand } from '../core/step-up.ts'
import type { TokenSet } from '../core/token-set.ts'
import { isSpent } from '../core/token-set.ts'
import { loggable, oauthErrorCode, oauthFailureKind } from './oauth-failure.ts'
import { neededLoginOf, retryAfterSecondsOf } from './refresh-failure.ts'
import type { Answered } from './token-answer.ts'
import { readTokens } from './token-answer.ts'

/** What came of a grant that uses nothing up: it can be asked for again at any time. */
export type GrantOutcome =
  | { readonly kind: 'granted'; readonly tokenSet: TokenSet }
  /** Asking again will not help; `reason` is the OAuth error, or `unusable_answer`. */
  | {
      readonly kind: 'refused'
      readonly reason: string
      readonly cause: unknown
      /** The login after which the provider would grant it. */
      readonly demand?: StepUpDemand | undefined
    }
  | {
      readonly kind: 'unavailable'
      readonly cause: unknown
      readonly retryAfterSeconds?: number | undefined
    }

/** The outcome of asking, at most `timeoutMs` later; never throws. */
export const grantOutcome = async (
  ask: () => Promise<TokenSet>,
  timeoutMs: number,
): Promise<GrantOutcome> => {
  try {
    return { kind: 'granted', tokenSet: await withDeadline(ask(), timeoutMs, tooSlow) }
  } catch (error) {
    return failed(error)
  }
}

const tooSlow = () => new BrokerError('idp_unavailable', { retryAfterSeconds: 5 })

const failed = (error: unknown): GrantOutcome => {
  if (error instanceof BrokerError && error.code === 'idp_unavailable')
    return { kind: 'unavailable', cause: error, retryAfterSeconds: error.info.retryAfterSeconds }
  const cause = loggable(error)
  // RFC 6749 section 5.2: the challenge takes the place of the body.
  if (error instanceof WWWAuthenticateChallengeError)
    return { kind: 'refused', reason: 'invalid_client', cause }
  if (oauthFailureKind(error) === 'unavailable')
    return { kind: 'unavailable', cause, retryAfterSeconds: retryAfterSecondsOf(error) }
  const reason = oauthErrorCode(error) ?? 'unusable_answer'
  return { kind: 'refused', reason, cause, demand: neededLoginOf(error) }
}

/** The token of an answer that carries no login; throws on what could not be sent. */
export const readGranted = (
  answer: TokenEndpointResponse,
  askedScope: string | undefined,
  answered: Answered,
): TokenSet => {
  const { tokenSet } = readTokens(answer, answered)
  // Kept, it would be asked for anew by every call.
  if (isSpent(tokenSet, answered.nowMs)) throw new Error('the token was over when it came')
  // RFC 6749 section 5.1: an answer without `scope` grants what was asked.
  return { ...tokenSet, scope: tokenSet.scope ?? askedScope }
}
