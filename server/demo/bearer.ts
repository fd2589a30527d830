import type { Clock } from '../core/clock.ts'
import type { Result } from '../core/result.ts'
import { createHash } from 'node:crypto'
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'
import { err, ok } from '../core/result.ts'

/** Who calls the API, from a token that the API has checked itself. */
export type Caller = {
  readonly sub: string
  readonly name: string
  readonly roles: readonly string[]
  readonly issuedAtSeconds: number
  readonly expiresAtSeconds: number
  /** Tells tokens apart; a token cannot be made from it. */
  readonly fingerprint: string
}

export type BearerRefusal = 'no_token' | 'invalid_token' | 'keys_unavailable'

export type BearerOptions = {
  readonly issuer: string
  readonly audience: string
  readonly clock: Clock
}

/** Checks a bearer's access token. RFC 9068 section 4. */
export const bearerCheck = ({ issuer, audience, clock }: BearerOptions) => {
  const keys = createRemoteJWKSet(new URL('/jwks', issuer), { timeoutDuration: 3_000 })
  return async (authorization: string | undefined): Promise<Result<Caller, BearerRefusal>> => {
    const token = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
    if (token === undefined) return err('no_token')
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience,
        typ: 'at+jwt',
        algorithms: ['RS256'],
        requiredClaims: ['sub', 'exp', 'iat', 'jti'],
        currentDate: new Date(clock.nowMs()),
      })
      return ok(callerOf(payload, token))
    } catch (error) {
      return err(isTokenFault(error) ? 'invalid_token' : 'keys_unavailable')
    }
  }
}

const callerOf = (payload: Readonly<Record<string, unknown>>, token: string): Caller => {
  const { sub, name, roles, iat, exp } = payload
  return {
    sub: String(sub),
    name: typeof name === 'string' ? name : String(sub),
    roles: Array.isArray(roles) ? roles.filter((role) => typeof role === 'string') : [],
    issuedAtSeconds: Number(iat),
    expiresAtSeconds: Number(exp),
    fingerprint: createHash('sha256').update(token).digest('hex').slice(0, 12),
  }
}

// What else can go wrong is the way to the keys, and that is not the caller's fault.
const isTokenFault = (error: unknown): boolean =>
  error instanceof errors.JWTClaimValidationFailed ||
  error instanceof errors.JWTExpired ||
  error instanceof errors.JWTInvalid ||
  error instanceof errors.JWSInvalid ||
  error instanceof errors.JWSSignatureVerificationFailed ||
  error instanceof errors.JOSEAlgNotAllowed ||
  error instanceof errors.JOSENotSupported ||
  error instanceof errors.JWKSNoMatchingKey
