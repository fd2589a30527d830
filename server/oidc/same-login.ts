import type { JWTPayload } from 'jose'
import type { Issuer, Sid, Sub } from '../core/ids.ts'

/** What the ID token of the login said, and every later one must say again. */
export type OriginalLogin = {
  readonly issuer: Issuer
  readonly clientId: string
  readonly sub: Sub
  readonly sid?: Sid | undefined
  readonly authTimeSeconds?: number | undefined
  /** Whether the provider says in `auth_time` when the person last authenticated, be it for another client. */
  readonly authTimeMoves: boolean
  /** Undefined where the session does not know it: then it is not compared. */
  readonly nonce?: string | undefined
}

export type ChangedClaim = 'iss' | 'sub' | 'aud' | 'azp' | 'auth_time' | 'nonce'

/**
 * The first claim by which a refreshed ID token speaks of another login than ours; undefined when it is the same one, or leaves
 * the claim out. Somebody else's tokens in this session would be served to its browser.
 * OpenID Connect Core 1.0 section 12.2.
 */
export const changedClaim = (
  claims: JWTPayload,
  original: OriginalLogin,
): ChangedClaim | undefined => {
  const changes: Readonly<Record<ChangedClaim, boolean>> = {
    iss: isOther(claims.iss, original.issuer),
    sub: isOther(claims.sub, original.sub),
    aud: [claims.aud].flat().some((audience) => isOther(audience, original.clientId)),
    azp: isOther(claims['azp'], original.clientId),
    auth_time: isOtherAuthTime(claims, original),
    nonce: original.nonce !== undefined && isOther(claims['nonce'], original.nonce),
  }
  // The keys are those of the type above.
  return (Object.keys(changes) as ChangedClaim[]).find((claim) => changes[claim])
}

const isOtherAuthTime = (claims: JWTPayload, original: OriginalLogin): boolean => {
  const { authTimeSeconds, authTimeMoves } = original
  if (authTimeSeconds === undefined || !isOther(claims['auth_time'], authTimeSeconds)) return false
  return !(authTimeMoves && isLaterInTheSameSession(claims, original, authTimeSeconds))
}

/** The provider's session is the same, by its `sid`, and no time is claimed that the token itself is too old for. */
const isLaterInTheSameSession = (
  { sid, iat, auth_time: authTime }: JWTPayload,
  original: OriginalLogin,
  authTimeSeconds: number,
): boolean =>
  original.sid !== undefined &&
  sid === original.sid &&
  typeof authTime === 'number' &&
  authTime > authTimeSeconds &&
  authTime <= (iat ?? 0)

const isOther = (value: unknown, original: unknown): boolean =>
  value !== undefined && value !== original
