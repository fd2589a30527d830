import type { TokenEndpointResponse } from 'openid-client'
import { genericGrantRequest } from 'openid-client'
import type { Tenant } from '../config/config.ts'
import type { Clock } from '../core/clock.ts'
import type { ExchangeDialect } from '../core/dialects.ts'
import { profiles } from '../core/profiles.ts'
import type { TokenWant } from '../core/token-set.ts'
import type { GrantOutcome } from './grant-outcome.ts'
import { grantOutcome, readGranted } from './grant-outcome.ts'
import type { MetIssuer } from './issuers.ts'
import { wantParameters } from './token-parameters.ts'

export type ExchangeRequest = { readonly subjectToken: string; readonly want: TokenWant }

export type ExchangeOutcome =
  | GrantOutcome
  /** It may be the user's token that the server does not take. */
  | { readonly kind: 'subject_refused'; readonly reason: string; readonly cause: unknown }

/** The user's token in exchange for one for another API (RFC 8693), in the dialect of the profile; never throws. */
export const tokenExchange = async (
  met: () => Promise<MetIssuer>,
  tenant: Tenant,
  { subjectToken, want }: ExchangeRequest,
  clock: Clock,
): Promise<ExchangeOutcome> => {
  const dialect = profiles[tenant.profile].tokenExchange
  const parameters = {
    ...dialect.parameters,
    ...wantParameters(want),
    [dialect.subjectParameter]: subjectToken,
  }
  const outcome = await grantOutcome(async () => {
    const { asClient } = await met()
    const askedAtMs = clock.nowMs()
    const answer = await asClient((configuration) =>
      genericGrantRequest(configuration, dialect.grantType, parameters),
    )
    requireIssuedType(answer, dialect)
    return readGranted(answer, want.scope, { askedAtMs, nowMs: clock.nowMs() })
  }, tenant.timeoutMs)
  const isOfSubject = outcome.kind === 'refused' && dialect.subjectErrors.includes(outcome.reason)
  return isOfSubject ? { ...outcome, kind: 'subject_refused' } : outcome
}

/** RFC 8693 section 2.2.1: REQUIRED. An ID token or a refresh token, sent to an API as its access token, would be given away. */
const requireIssuedType = (
  answer: TokenEndpointResponse,
  { issuedTokenType }: ExchangeDialect,
): void => {
  if (issuedTokenType !== undefined && answer['issued_token_type'] !== issuedTokenType)
    throw new Error('issued_token_type is not that of an access token')
}
