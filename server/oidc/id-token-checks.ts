import { createHash } from 'node:crypto'
import type { JWTPayload } from 'jose'
import type { IDToken } from 'openid-client'
import type { Result } from '../core/result.ts'
import { err, ok } from '../core/result.ts'
import { isLogoutEvent } from './logout-token.ts'

export type IdTokenRefusal =
  | 'other_kind'
  | 'other_issuer'
  | 'second_audience'
  | 'azp_is_not_us'
  | 'issued_in_the_future'
  | 'issued_long_ago'
  | 'not_yet_valid'
  | 'expired'
  | 'at_hash_mismatch'
  | 'sub_missing'

export type IdTokenFacts = {
  /** As they read, of whatever type. */
  readonly claims: JWTPayload
  /** The JWS header's algorithm. */
  readonly algorithm: string
  /** The JWS header's `typ`, of whatever type. */
  readonly typ?: unknown
  readonly accessToken: string
  readonly issuer: string
  readonly clientId: string
  readonly nowSeconds: number
}

const toleranceSeconds = 30
const oldestSeconds = 600

/**
 * What openid-client leaves unchecked in an ID token, and what it cannot see at a refresh; nonce and signature are checked
 * elsewhere.
 *
 * A second audience could replay our token; a foreign `azp` was issued to another client; a wrong `at_hash` means the
 * access token was swapped. OpenID Connect Core 1.0 sections 3.1.3.7 (items 3, 5, 10) and 3.1.3.8.
 */
export const checkIdToken = (facts: IdTokenFacts): Result<IDToken, IdTokenRefusal> => {
  const { claims, issuer, clientId, nowSeconds } = facts
  if (isOtherKind(facts)) return err('other_kind')
  if (claims.iss !== issuer) return err('other_issuer')
  if (typeof claims.sub !== 'string' || claims.sub === '' || claims.sub.length > 255)
    return err('sub_missing')
  const audiences = [claims.aud].flat()
  if (audiences.length === 0 || audiences.some((audience) => audience !== clientId))
    return err('second_audience')
  const { azp } = claims
  if (azp !== undefined && azp !== clientId) return err('azp_is_not_us')
  const times = refusedTimes(claims, nowSeconds)
  if (times !== undefined) return err(times)
  const hash = claims['at_hash']
  if (hash !== undefined && hash !== accessTokenHash(facts)) return err('at_hash_mismatch')
  // Issuer, subject, audience and times are there.
  return ok(claims as IDToken)
}

/**
 * A JWT that says it is something else, such as a logout token, which has our issuer and audience as well. No ID token has a type
 * of its own; some providers name the format, `JWT` or `JWS`. RFC 8725 sections 2.8 and 3.11.
 */
const isOtherKind = ({ typ, claims }: IdTokenFacts): boolean =>
  (typeof typ === 'string' && /\+jwt$/i.test(typ)) || isLogoutEvent(claims['events'])

const refusedTimes = (
  { iat, exp, nbf }: JWTPayload,
  nowSeconds: number,
): IdTokenRefusal | undefined => {
  if (typeof iat !== 'number' || iat < nowSeconds - oldestSeconds) return 'issued_long_ago'
  if (iat > nowSeconds + toleranceSeconds) return 'issued_in_the_future'
  if (typeof exp !== 'number' || exp <= nowSeconds - toleranceSeconds) return 'expired'
  return nbf === undefined || nbf <= nowSeconds + toleranceSeconds ? undefined : 'not_yet_valid'
}

/** The left half of the token's hash, by the hash of the signature's algorithm. */
const accessTokenHash = ({ algorithm, accessToken }: IdTokenFacts): string => {
  const digest = createHash(hashOf(algorithm)).update(accessToken).digest()
  return digest.subarray(0, digest.length / 2).toString('base64url')
}

const hashOf = (algorithm: string): string =>
  algorithm.startsWith('Ed') ? 'sha512' : `sha${algorithm.slice(-3)}`
