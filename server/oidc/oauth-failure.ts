import { AuthorizationResponseError, ClientError, ResponseBodyError } from 'openid-client'
import { BrokerError } from '../core/errors.ts'

/** `refused`: the server understood and said no. `unavailable`: it could not say. `invalid`: its answer is wrong. */
export type OAuthFailureKind = 'refused' | 'unavailable' | 'invalid'

const unavailableCodes = new Set([
  'OAUTH_TIMEOUT',
  'OAUTH_ABORT',
  'OAUTH_RESPONSE_IS_NOT_CONFORM',
  'OAUTH_RESPONSE_IS_NOT_JSON',
  'OAUTH_PARSE_ERROR',
])

/** What a failure of openid-client means, by class and code, never by text. */
export const oauthFailureKind = (error: unknown): OAuthFailureKind => {
  if (error instanceof ResponseBodyError)
    return error.status >= 500 || error.status === 429 ? 'unavailable' : 'refused'
  if (error instanceof AuthorizationResponseError) return 'refused'
  if (error instanceof ClientError)
    return unavailableCodes.has(error.code ?? '') ? 'unavailable' : 'invalid'
  // fetch throws TypeError, and nothing else does here, when the server was not reached.
  return error instanceof TypeError ? 'unavailable' : 'invalid'
}

/** The OAuth `error` of a refusal, such as `invalid_grant`. RFC 6749 sections 4.1.2.1 and 5.2. */
export const oauthErrorCode = (error: unknown): string | undefined =>
  error instanceof ResponseBodyError || error instanceof AuthorizationResponseError
    ? error.error
    : undefined

/** What a failed login answers: a refusal names the provider's error code, and nothing of its text. */
export const toLoginError = (error: unknown): BrokerError => {
  if (error instanceof BrokerError) return error
  if (oauthFailureKind(error) === 'unavailable')
    return new BrokerError('idp_unavailable', { cause: error, retryAfterSeconds: 5 })
  const code = oauthErrorCode(error)
  return new BrokerError('login_failed', {
    cause: error,
    detail:
      code !== undefined && /^[a-z_]{1,64}$/.test(code)
        ? `The identity provider answered: ${code}.`
        : undefined,
  })
}
