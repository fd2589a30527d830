import type { ProtectedHeaderParameters } from 'jose'
import { compactVerify, decodeJwt, decodeProtectedHeader } from 'jose'
import type { CustomFetch } from 'openid-client'
import type { Clock } from '../core/clock.ts'
import { boundedJson } from './bounded-json.ts'
import type { FoundKey } from './key-set.ts'
import { mayKeySign } from './key-set.ts'
import { remoteKeys } from './remote-keys.ts'

/** `no_key`: the issuer publishes none that fits. `unreachable`: its keys cannot be had now. */
export type SignatureVerdict = 'verified' | 'forged' | 'no_key' | 'unreachable'

export type VerifySignature = (token: string) => Promise<SignatureVerdict>

const lookRestMs = 60_000

export type SignatureCheckOptions = {
  readonly jwksUri: string
  /** Pinned: `none`, or HS256 under a public key, would let anybody sign. */
  readonly algorithm: string
  readonly fetch: CustomFetch
  readonly timeoutMs: number
  readonly clock: Clock
  /** Many issuers share these keys, and each key says whose it is. */
  readonly keysNameIssuer: boolean
}

/**
 * Checks a token's signature with the issuer's published keys, which may rotate at any time; never throws.
 * openid-client leaves it out in the code flow. A key in the token's own header is never used.
 * OpenID Connect Core 1.0 sections 3.1.3.7 (item 6) and 10.1.1.
 */
export const signatureCheck = (options: SignatureCheckOptions): VerifySignature => {
  const { jwksUri, algorithm, timeoutMs, clock } = options
  const fetch = (url: string, init: Omit<Parameters<CustomFetch>[1], 'body'>) =>
    options.fetch(url, { ...init, body: undefined })
  const keys = remoteKeys({
    nowMs: clock.nowMs,
    read: () => boundedJson(jwksUri, { fetch, timeoutMs }),
    lookRestMs,
  })
  return async (token) => {
    const header = headerOf(token)
    if (header?.alg !== algorithm) return 'forged'
    const answer = await keys.find({ alg: algorithm, kid: header.kid })
    if (answer.kind === 'unavailable') return 'unreachable'
    if (answer.kind === 'no_key') return 'no_key'
    return (await isSigned(token, answer.found, options)) ? 'verified' : 'forged'
  }
}

export type Signatures = {
  /** Of an ID token from the token endpoint. */
  readonly verifySignature: VerifySignature
  /** Of a logout token, which anybody may post. */
  readonly verifyLogoutSignature: VerifySignature
  /** Where the keys are and what they are for. */
  readonly keysFor: string
}

/** An issuer's, as its metadata says now; with the keys that were read before, where nothing about them has changed. */
export const signaturesOf = (
  options: SignatureCheckOptions,
  before: Signatures | undefined,
): Signatures => {
  const { jwksUri, algorithm, keysNameIssuer } = options
  const keysFor = JSON.stringify([jwksUri, algorithm, keysNameIssuer])
  if (before?.keysFor === keysFor) return before
  return {
    keysFor,
    verifySignature: signatureCheck(options),
    // Keys of its own: whoever posts made-up logout tokens uses up no look that a login needs.
    verifyLogoutSignature: signatureCheck(options),
  }
}

const headerOf = (token: string): ProtectedHeaderParameters | undefined => {
  try {
    return decodeProtectedHeader(token)
  } catch {
    return undefined
  }
}

const isSigned = async (
  token: string,
  found: FoundKey,
  { algorithm, keysNameIssuer }: SignatureCheckOptions,
): Promise<boolean> => {
  try {
    await compactVerify(token, found.key, { algorithms: [algorithm] })
    return !keysNameIssuer || mayKeySign(found, decodeJwt(token))
  } catch {
    return false
  }
}
