import type { JWTPayload } from 'jose'
import type { Issuer, Sub } from '../core/ids.ts'

/** What the ID token of the login said, and every later one must say again. */
export type OriginalLogin = {
  readonly issuer: Issuer
  readonly clientId: string
  readonly sub: Sub
  readonly authTimeSeconds?: number | undefined
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
  const { authTimeSeconds } = original
  const changes: Readonly<Record<ChangedClaim, boolean>> = {
    iss: isOther(claims.iss, original.issuer),
    sub: isOther(claims.sub, original.sub),
    aud: [claims.aud].flat().some((audience) => isOther(audience, original.clientId)),
    azp: isOther(claims['azp'], original.clientId),
    auth_time: authTimeSeconds !== undefined && isOther(claims['auth_time'], authTimeSeconds),
    nonce: original.nonce !== undefined && isOther(claims['nonce'], original.nonce),
  }
  // The keys are those of the type above.
  return (Object.keys(changes) as ChangedClaim[]).find((claim) => changes[claim])
}

const isOther = (value: unknown, original: unknown): boolean =>
  value !== undefined && value !== original
