import type { AccessTokenDialect } from '../core/dialects.ts'
import type { Claims, CompactToken } from './compact-token.ts'
import type { TokenFault } from './token-fault.ts'

export type Expected = {
  readonly issuer: string
  /** One of them has to be among the token's. */
  readonly audiences: readonly string[]
  readonly dialect: AccessTokenDialect
  readonly toleranceSeconds: number
}

/**
 * What is wrong with the claims of a token whose signature is good; undefined: nothing. RFC 9068 section 4, RFC 7519 section 4.1.
 * A claim of another type than the standard's is a missing one.
 */
export const claimsFault = (
  { header, claims }: CompactToken,
  expected: Expected,
  nowSeconds: number,
): TokenFault | undefined => {
  if (claims['iss'] !== expected.issuer) return 'issuer'
  const kind = kindFault({ header, claims }, expected.dialect)
  if (kind !== undefined) return kind
  if (expected.dialect.required.some((name) => !isClaim(name, claims[name]))) return 'missing_claim'
  const audiences = audiencesOf(claims, expected.dialect)
  if (!expected.audiences.some((audience) => audiences.includes(audience))) return 'audience'
  return timeFault(claims, expected.toleranceSeconds, nowSeconds)
}

/** Media types are the same in any case; `application/` may be left out (RFC 7515 section 4.1.9). */
const ownType = /^(?:application\/)?at\+jwt$/i
const plainType = /^(?:application\/)?jwt$/i

/** What only an ID token, a logout token or a DPoP proof has: any of them is signed by the same issuer, or by the caller. */
const foreignClaims = ['nonce', 'at_hash', 'c_hash', 's_hash', 'events', 'htm', 'htu']

/** An ID token passes for an access token where only issuer, audience and signature are looked at (RFC 9068 section 5). */
const kindFault = (
  { header, claims }: CompactToken,
  dialect: AccessTokenDialect,
): TokenFault | undefined => {
  const { typ } = header
  if (typeof typ === 'string' && ownType.test(typ)) return undefined
  const isPlain = typ === undefined || (typeof typ === 'string' && plainType.test(typ))
  if (dialect.typ === 'at+jwt' || !isPlain) return 'typ'
  const decided = dialect.marks.some(({ claim, values }) => values?.includes(String(claims[claim])))
  if (decided) return undefined
  const isMarked = dialect.marks.some(
    ({ claim, values }) => values === undefined && claim in claims,
  )
  return isMarked && !foreignClaims.some((name) => name in claims)
    ? undefined
    : 'not_an_access_token'
}

const numbers = new Set(['exp', 'nbf', 'iat'])

const isClaim = (name: string, value: unknown): boolean => {
  if (numbers.has(name)) return typeof value === 'number' && Number.isFinite(value)
  if (name === 'aud') return textsOf(value).length > 0
  return typeof value === 'string' && value !== ''
}

/** Whom a token is for. */
export const audiencesOf = (
  claims: Claims,
  { audienceClaim }: Pick<AccessTokenDialect, 'audienceClaim'>,
): readonly string[] =>
  claims['aud'] === undefined && audienceClaim !== undefined
    ? textsOf(claims[audienceClaim])
    : textsOf(claims['aud'])

/** A text or a list of texts; a list with anything else in it holds nothing. */
export const textsOf = (value: unknown): readonly string[] => {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  return list.every((one) => typeof one === 'string') ? list : []
}

/** `iat` is not asked for by every provider; where it stands, it is in the past: a token of tomorrow was made up. */
const timeFault = (
  { exp, nbf, iat }: Claims,
  toleranceSeconds: number,
  nowSeconds: number,
): TokenFault | undefined => {
  if (!isClaim('exp', exp)) return 'missing_claim'
  if (Number(exp) + toleranceSeconds <= nowSeconds) return 'expired'
  const beginnings = [nbf, iat].filter((time) => time !== undefined)
  const begun = beginnings.every(
    (time) => isClaim('iat', time) && Number(time) - toleranceSeconds <= nowSeconds,
  )
  return begun ? undefined : 'not_yet_valid'
}
