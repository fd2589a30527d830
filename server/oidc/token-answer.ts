import type { IDToken, TokenEndpointResponse } from 'openid-client'
import type { TokenSet } from '../core/token-set.ts'
import { lifeSeconds } from '../core/token-set.ts'
import { BrokerError } from '../core/errors.ts'
import { checkIdToken } from './id-token-checks.ts'
import type { Jwt } from './strict-jwt.ts'
import { readJwt } from './strict-jwt.ts'

export type { IDToken }

/** What a token endpoint gave, in our names and validated. */
export type TokenAnswer = {
  readonly tokenSet: TokenSet
  readonly refreshToken?: string | undefined
  readonly idToken?: { readonly raw: string; readonly claims: IDToken } | undefined
}

/** When an answer was asked for, and when it was there. */
export type Answered = { readonly askedAtMs: number; readonly nowMs: number }

/** The answer as token set and refresh token; throws `login_failed` with the reason as cause. */
export const readTokens = (
  answer: TokenEndpointResponse,
  answered: Answered,
): Omit<TokenAnswer, 'idToken'> => {
  // Sent as a bearer token, a token of another kind would be worthless, or too much.
  if (answer.token_type !== 'bearer') throw invalid('token_type is not Bearer')
  // RFC 6749 appendix A.12; a line break in it would be a header of the provider's own making.
  if (!/^[\x20-\x7e]+$/.test(answer.access_token)) throw invalid('access_token is no text')
  return {
    tokenSet: {
      accessToken: answer.access_token,
      tokenType: 'Bearer',
      scope: answer.scope,
      obtainedAtMs: answered.nowMs,
      expiresAtMs: endOf(answered, lifeSeconds(answer.expires_in) * 1_000),
    },
    refreshToken: answer.refresh_token,
  }
}

/**
 * The life of a token begins at the provider, and nobody knows for how much of the wait it was on its way: all of it, lest a token
 * be sent that is over. Half its life at most, since a slow provider's tokens are good for something.
 */
const endOf = ({ askedAtMs, nowMs }: Answered, lifeMs: number): number =>
  nowMs + lifeMs - Math.min(Math.max(nowMs - askedAtMs, 0), lifeMs / 2)

/** An ID token as it reads, nothing believed yet; throws `login_failed` where readers could differ. */
export const parseIdToken = (raw: string): Jwt => {
  const jwt = readJwt(raw)
  if (jwt === undefined) throw invalid('ID token: malformed')
  return jwt
}

/** The checked ID token that came with an access token; throws `login_failed` with the reason as cause. */
export const readIdToken = (
  raw: string,
  facts: {
    readonly issuer: string
    readonly clientId: string
    readonly accessToken: string
    readonly nowMs: number
  },
): { readonly raw: string; readonly claims: IDToken } => {
  const { header, claims } = parseIdToken(raw)
  const checked = checkIdToken({
    claims,
    algorithm: header.alg ?? '',
    typ: header.typ,
    nowSeconds: Math.floor(facts.nowMs / 1_000),
    ...facts,
  })
  if (!checked.ok) throw invalid(`ID token: ${checked.reason}`)
  return { raw, claims: checked.value }
}

const invalid = (reason: string) => new BrokerError('login_failed', { cause: new Error(reason) })
