import type { Introspection } from '../oidc/introspection.ts'
import type { Claims } from './compact-token.ts'
import type { Expected } from './judge-claims.ts'
import { audiencesOf } from './judge-claims.ts'
import type { TokenFault } from './token-fault.ts'
import type { Verdict } from './verdict-cache.ts'

/** A token that was revoked is refused this much later at most. */
const longestTrustMs = 30_000

/** Whether a token is a JWT that can be read here; one of five parts is encrypted for somebody else. */
export const isSignedJwt = (token: string): boolean => /^eyJ[^.]*\.[^.]+\.[^.]*$/.test(token)

/** Whether only a proof that is not made here lets a token pass at a service (RFC 7800 section 3.1). */
export const isBound = ({ cnf }: Claims): boolean => cnf !== undefined

/** What comes of asking the issuer about a token. RFC 7662 section 2.2; what the answer leaves out vouches for nothing. */
export const opaqueVerdict = (answer: Introspection, expected: Expected, now: number): Verdict => {
  switch (answer.kind) {
    case 'unsupported':
      return { kind: 'fault', fault: 'opaque' }
    case 'inactive':
      return { kind: 'fault', fault: 'inactive' }
    case 'active': {
      const fault = activeFault(answer.claims, expected, now)
      if (fault !== undefined) return { kind: 'fault', fault }
      const { exp } = answer.claims
      const endMs = typeof exp === 'number' ? exp * 1_000 : Infinity
      return { kind: 'good', untilMs: Math.min(endMs, now + longestTrustMs) }
    }
  }
}

const activeFault = (claims: Claims, expected: Expected, now: number): TokenFault | undefined => {
  const { iss, exp } = claims
  if (iss !== undefined && iss !== expected.issuer) return 'issuer'
  const audiences = audiencesOf(claims, expected.dialect)
  if (!expected.audiences.some((audience) => audiences.includes(audience))) return 'audience'
  if (typeof exp === 'number' && exp * 1_000 <= now) return 'expired'
  return isBound(claims) ? 'sender_constrained' : undefined
}
