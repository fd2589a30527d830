import { compactVerify } from 'jose'
import type { Result } from '../core/result.ts'
import { err, ok } from '../core/result.ts'
import type { Algorithm } from './algorithms.ts'
import type { Claims, CompactToken } from './compact-token.ts'
import { readCompactToken } from './compact-token.ts'
import type { Expected } from './judge-claims.ts'
import { claimsFault } from './judge-claims.ts'
import type { FoundKey } from '../oidc/key-set.ts'
import { mayKeySign } from '../oidc/key-set.ts'
import type { IssuerKeys } from '../oidc/remote-keys.ts'
import type { TokenFault } from './token-fault.ts'

export type TokenRefusal =
  | { readonly kind: 'fault'; readonly fault: TokenFault }
  /** Nobody can tell now. */
  | { readonly kind: 'unavailable'; readonly cause: unknown }

export type CheckDeps = {
  readonly keys: IssuerKeys
  readonly algorithms: readonly Algorithm[]
  readonly nowMs: () => number
}

/**
 * The claims of a JWT access token that its issuer signed, for us and for now. RFC 9068 section 4.
 *
 * The algorithm comes from a list that is ours, before any key is looked for; the key from the issuer's published ones alone:
 * `jwk`, `jku`, `x5u` and `x5c` of the header are an attacker's to choose (RFC 8725 sections 3.1 and 3.10).
 */
export const checkToken = async (
  token: string,
  expected: Expected,
  deps: CheckDeps,
): Promise<Result<Claims, TokenRefusal>> => {
  const read = readCompactToken(token)
  if (!read.ok) return fault(read.reason)
  const { header, claims } = read.value
  if (!deps.algorithms.some((algorithm) => algorithm === header.alg)) return fault('algorithm')
  const answer = await deps.keys.find({ alg: header.alg, kid: header.kid })
  if (answer.kind === 'unavailable') return err(answer)
  if (answer.kind === 'no_key') return fault('no_key')
  const forged = await signatureFault(token, read.value, answer.found, deps.algorithms)
  if (forged !== undefined) return fault(forged)
  const wrong = claimsFault(read.value, expected, Math.floor(deps.nowMs() / 1_000))
  return wrong === undefined ? ok(claims) : fault(wrong)
}

const fault = (name: TokenFault) => err({ kind: 'fault' as const, fault: name })

const signatureFault = async (
  token: string,
  { claims }: CompactToken,
  found: FoundKey,
  algorithms: readonly Algorithm[],
): Promise<TokenFault | undefined> => {
  try {
    await compactVerify(token, found.key, { algorithms: [...algorithms] })
    return mayKeySign(found, claims) ? undefined : 'issuer'
  } catch {
    return 'signature'
  }
}
