import { ClientError, ResponseBodyError, WWWAuthenticateChallengeError } from 'openid-client'
import { parseAskedClaims } from '../core/asked-claims.ts'
import type { StepUpDemand } from '../core/step-up.ts'
import { RequestNotSent } from './provider-fetch.ts'

export type RefreshFailureKind = 'invalid_grant' | 'try_again' | 'in_doubt'

/** What the provider is to show where it says that it needs the person. OpenID Connect Core 1.0 section 3.1.2.6. */
const promptsByError: Readonly<Record<string, StepUpDemand['prompt']>> = {
  interaction_required: 'login',
  login_required: 'login',
  consent_required: 'consent',
  account_selection_required: 'select_account',
}

/**
 * The login that a refused grant asks for: no waiting heals it, and a refresh token is as good as before. With `claims` in the answer,
 * as Entra has it, the provider knows itself what to ask.
 */
export const neededLoginOf = (error: unknown): StepUpDemand | undefined => {
  if (!(error instanceof ResponseBodyError) || error.status >= 500) return undefined
  const prompt = promptsByError[error.error]
  if (prompt === undefined) return undefined
  const { claims: asked } = error.cause
  const claims = typeof asked === 'string' ? parseAskedClaims(asked) : undefined
  return claims === undefined ? { prompt } : { claims }
}

/**
 * What a failed refresh means for its refresh token, by where it failed.
 *
 * Not sent, 429, 503 and every refusal leave it good. A cut or late answer, 500, 502, 504 and an answer that cannot be read
 * may come after the provider has rotated it: nobody can tell.
 */
export const refreshFailureKind = (error: unknown): RefreshFailureKind => {
  if (error instanceof RequestNotSent) return 'try_again'
  const status = responseOf(error)?.status
  if (status === undefined) return 'in_doubt'
  if (error instanceof ResponseBodyError && error.error === 'invalid_grant' && status < 500)
    return 'invalid_grant'
  return status === 503 || (status >= 400 && status < 500) ? 'try_again' : 'in_doubt'
}

/** What is wrong with one request, at a provider that is well. RFC 6749 section 5.2, RFC 8707 section 2. */
const refusals = new Set([
  'invalid_request',
  'invalid_scope',
  'invalid_target',
  'unauthorized_client',
  'access_denied',
])

/** Whether the provider said no to this request alone: what one person or route may not have says nothing of all others'. */
export const isOneRefusal = (error: unknown): boolean =>
  error instanceof ResponseBodyError && error.status < 500 && refusals.has(error.error)

/** `Retry-After` in seconds where the provider sent a number. RFC 9110 section 10.2.3. */
export const retryAfterSecondsOf = (error: unknown): number | undefined => {
  const text = responseOf(error)?.headers.get('retry-after') ?? ''
  return /^\d{1,6}$/.test(text) ? Number(text) : undefined
}

const responseOf = (error: unknown): Response | undefined => {
  if (error instanceof ResponseBodyError || error instanceof WWWAuthenticateChallengeError)
    return error.response
  const cause = error instanceof ClientError ? error.cause : undefined
  return isResponse(cause) ? cause : undefined
}

/** undici's Response is not the global one, so `instanceof` cannot tell. */
const isResponse = (value: unknown): value is Response =>
  typeof value === 'object' && value !== null && 'status' in value && 'headers' in value
