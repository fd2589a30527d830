import { decodeProtectedHeader } from 'jose'
import type { IDToken, TokenEndpointResponse, TokenEndpointResponseHelpers } from 'openid-client'
import type { TokenSet } from '../core/token-set.ts'
import { lifeSeconds } from '../core/token-set.ts'
import { BrokerError } from '../core/errors.ts'
import { checkIdToken } from './id-token-checks.ts'

export type { IDToken }

/** What a token endpoint gave, in our names and validated. */
export type TokenAnswer = {
  readonly tokenSet: TokenSet
  readonly refreshToken?: string | undefined
  readonly idToken?: { readonly raw: string; readonly claims: IDToken } | undefined
}

type Answer = TokenEndpointResponse & TokenEndpointResponseHelpers

/** The answer as token set, refresh token and checked ID token; throws `login_failed` with the reason as cause. */
export const readTokenAnswer = (answer: Answer, clientId: string, nowMs: number): TokenAnswer => {
  // Sent as a bearer token, a token of another kind would be worthless, or too much.
  if (answer.token_type !== 'bearer')
    throw new BrokerError('login_failed', { cause: new Error('token_type is not Bearer') })
  const seconds = lifeSeconds(answer.expires_in)
  return {
    tokenSet: {
      accessToken: answer.access_token,
      tokenType: 'Bearer',
      scope: answer.scope,
      obtainedAtMs: nowMs,
      expiresAtMs: nowMs + seconds * 1_000,
    },
    refreshToken: answer.refresh_token,
    idToken: readIdToken(answer, clientId, nowMs),
  }
}

const readIdToken = (answer: Answer, clientId: string, nowMs: number): TokenAnswer['idToken'] => {
  const raw = answer.id_token
  const claims = answer.claims()
  if (raw === undefined || claims === undefined) return undefined
  const checked = checkIdToken({
    claims,
    algorithm: decodeProtectedHeader(raw).alg ?? '',
    accessToken: answer.access_token,
    clientId,
    nowSeconds: Math.floor(nowMs / 1_000),
  })
  if (!checked.ok)
    throw new BrokerError('login_failed', { cause: new Error(`ID token: ${checked.reason}`) })
  return { raw, claims }
}
