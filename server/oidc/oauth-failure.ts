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

/**
 * The failure as the log may have it: openid-client's error holds the whole answer, and an answer may repeat the code, a
 * token or an address. Kept are the error code and the provider's words, less what is long enough to be a secret.
 */
export const loggable = (error: unknown): unknown => {
  if (!(error instanceof ResponseBodyError || error instanceof AuthorizationResponseError))
    return error
  const words = [error.error, error.error_description ?? ''].map(withoutSecrets).join(' ').trim()
  const status = error instanceof ResponseBodyError ? ` ${error.status}` : ''
  return new Error(`${error.name}${status}: ${words}`)
}

const longestWords = 300

const withoutSecrets = (text: string): string =>
  text
    .slice(0, longestWords)
    .replace(/[\u0000-\u001f\u007f]/g, ' ')
    .replace(/[A-Za-z0-9_.~+/=-]{20,}/g, '[…]')

/** What a failed login answers: a refusal names the provider's error code, and nothing of its text. */
export const toLoginError = (error: unknown): BrokerError => {
  if (error instanceof BrokerError) return error
  if (oauthFailureKind(error) === 'unavailable')
    return new BrokerError('idp_unavailable', { cause: loggable(error), retryAfterSeconds: 5 })
  const code = oauthErrorCode(error)
  return new BrokerError('login_failed', {
    cause: loggable(error),
    oauthError: code,
    detail:
      code !== undefined && /^[a-z_]{1,64}$/.test(code)
        ? `The identity provider answered: ${code}.`
        : undefined,
  })
}
