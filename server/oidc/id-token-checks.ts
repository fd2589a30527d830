import { createHash } from 'node:crypto'
import type { IDToken } from 'openid-client'
import type { Result } from '../core/result.ts'
import { err, ok } from '../core/result.ts'

export type IdTokenRefusal =
  | 'second_audience'
  | 'azp_is_not_us'
  | 'issued_in_the_future'
  | 'issued_long_ago'
  | 'at_hash_mismatch'
  | 'sub_missing'

export type IdTokenFacts = {
  readonly claims: IDToken
  /** The JWS header's algorithm. */
  readonly algorithm: string
  readonly accessToken: string
  readonly clientId: string
  readonly nowSeconds: number
}

const toleranceSeconds = 30
const oldestSeconds = 600

/**
 * What openid-client leaves unchecked in an ID token whose signature, issuer and nonce it has verified.
 *
 * A second audience could replay our token; a foreign `azp` was issued to another client; a wrong `at_hash` means the
 * access token was swapped. OpenID Connect Core 1.0 sections 3.1.3.7 (items 3, 5, 10) and 3.1.3.8.
 */
export const checkIdToken = (facts: IdTokenFacts): Result<IDToken, IdTokenRefusal> => {
  const { claims, clientId, nowSeconds } = facts
  if (typeof claims.sub !== 'string' || claims.sub === '' || claims.sub.length > 255)
    return err('sub_missing')
  if ([claims.aud].flat().some((audience) => audience !== clientId)) return err('second_audience')
  if (claims.azp !== undefined && claims.azp !== clientId) return err('azp_is_not_us')
  if (claims.iat > nowSeconds + toleranceSeconds) return err('issued_in_the_future')
  if (claims.iat < nowSeconds - oldestSeconds) return err('issued_long_ago')
  const hash = claims['at_hash']
  if (hash !== undefined && hash !== accessTokenHash(facts)) return err('at_hash_mismatch')
  return ok(claims)
}

/** The left half of the token's hash, by the hash of the signature's algorithm. */
const accessTokenHash = ({ algorithm, accessToken }: IdTokenFacts): string => {
  const digest = createHash(hashOf(algorithm)).update(accessToken).digest()
  return digest.subarray(0, digest.length / 2).toString('base64url')
}

const hashOf = (algorithm: string): string =>
  algorithm.startsWith('Ed') ? 'sha512' : `sha${algorithm.slice(-3)}`
