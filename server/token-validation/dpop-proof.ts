import type { JWK } from 'jose'
import { calculateJwkThumbprint, compactVerify, importJWK } from 'jose'
import { createHash } from 'node:crypto'
import { isJsonObject } from '../core/json-object.ts'
import type { Algorithm } from './algorithms.ts'
import type { Claims, CompactToken } from './compact-token.ts'
import { readCompactToken } from './compact-token.ts'

/** What a proof has to be for. */
export type ProofCase = {
  readonly proof: string
  readonly accessToken: string
  /** `cnf.jkt` of the access token. */
  readonly thumbprint: string
  readonly method: string
  /** Where the call came to, as its caller names it; path with query. */
  readonly address: string
}

export type ProofDeps = {
  /** The origins that callers know this service by. */
  readonly origins: readonly string[]
  readonly algorithms: readonly Algorithm[]
  /** How old a proof may be, and how far ahead of our clock. */
  readonly maxAgeSeconds: number
  readonly nowMs: () => number
  /** False for a proof that was seen before: remembers it until it is too old anyway. */
  readonly isNew: (key: string, untilMs: number) => boolean | Promise<boolean>
}

export type ProofFault =
  | 'proof_malformed'
  | 'proof_key'
  | 'proof_signature'
  | 'proof_other_key'
  | 'proof_method'
  | 'proof_address'
  | 'proof_token'
  | 'proof_time'
  | 'proof_replayed'

/** What is wrong with a DPoP proof; undefined: nothing, and it is used up now. RFC 9449 section 4.3. */
export const proofFault = async (
  asked: ProofCase,
  deps: ProofDeps,
): Promise<ProofFault | undefined> => {
  const read = readCompactToken(asked.proof)
  if (!read.ok || !isProof(read.value, deps.algorithms)) return 'proof_malformed'
  const { header, claims } = read.value
  const key = header['jwk']
  if (!isPublicJwk(key)) return 'proof_key'
  if (!(await isSigned(asked.proof, key, header.alg))) return 'proof_signature'
  // A stolen token is of no use without its key.
  if ((await calculateJwkThumbprint(key)) !== asked.thumbprint) return 'proof_other_key'
  const wrong = wrongUse(claims, asked, deps)
  if (wrong !== undefined) return wrong
  const untilMs = (Number(claims['iat']) + deps.maxAgeSeconds + 1) * 1_000
  const name = hashOf(`${asked.thumbprint} ${String(claims['jti'])}`)
  return (await deps.isNew(name, untilMs)) ? undefined : 'proof_replayed'
}

const longestJti = 256

const isProof = ({ header, claims }: CompactToken, algorithms: readonly Algorithm[]): boolean => {
  const { jti, htm, htu, iat, ath } = claims
  const texts = [jti, htm, htu, ath]
  return (
    header['typ'] === 'dpop+jwt' &&
    algorithms.some((algorithm) => algorithm === header.alg) &&
    texts.every((text) => typeof text === 'string' && text !== '') &&
    String(jti).length <= longestJti &&
    typeof iat === 'number'
  )
}

/** The first that does not hold: the proof is for this call, with this token, now. */
const wrongUse = (claims: Claims, asked: ProofCase, deps: ProofDeps): ProofFault | undefined => {
  if (claims['htm'] !== asked.method) return 'proof_method'
  if (!isAddress(String(claims['htu']), asked.address, deps.origins)) return 'proof_address'
  if (claims['ath'] !== hashOf(asked.accessToken)) return 'proof_token'
  const ageSeconds = deps.nowMs() / 1_000 - Number(claims['iat'])
  return Math.abs(ageSeconds) > deps.maxAgeSeconds ? 'proof_time' : undefined
}

/** Query and fragment do not count; what a URL parser makes equal is equal. RFC 9449 section 4.3, item 9. */
const isAddress = (htu: string, address: string, origins: readonly string[]): boolean => {
  if (!URL.canParse(htu)) return false
  const said = new URL(htu)
  return origins.some((origin) => {
    // A path with two slashes first, taken for a link, would be a host and another path.
    const called = address.startsWith('/') ? `${origin}${address}` : address
    if (!URL.canParse(called)) return false
    return said.origin === origin && said.pathname === new URL(called).pathname
  })
}

const hashOf = (text: string): string => createHash('sha256').update(text).digest('base64url')

/** Whoever sends its private key has lost it (RFC 9449 section 4.3, item 7); `k` is the secret of an HMAC. */
const isPublicJwk = (key: unknown): key is JWK =>
  isJsonObject(key) &&
  !['d', 'k', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'priv'].some((name) => name in key)

const isSigned = async (proof: string, jwk: JWK, algorithm: string): Promise<boolean> => {
  try {
    const { kty, crv, n, e, x, y } = jwk
    const bare = Object.fromEntries(
      Object.entries({ kty, crv, n, e, x, y }).filter(([, value]) => value !== undefined),
    )
    // Still a key of the same kind: only what says nothing of the key itself is left out.
    const key = await importJWK(bare as JWK, algorithm)
    await compactVerify(proof, key, { algorithms: [algorithm] })
    return true
  } catch {
    return false
  }
}
