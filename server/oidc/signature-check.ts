import { compactVerify, createRemoteJWKSet, customFetch, errors } from 'jose'
import type { CustomFetch } from 'openid-client'
import type { Clock } from '../core/clock.ts'

/** `no_key`: the issuer publishes none that fits. `unreachable`: its keys cannot be had now. */
export type SignatureVerdict = 'verified' | 'forged' | 'no_key' | 'unreachable'

export type VerifySignature = (token: string) => Promise<SignatureVerdict>

const keysLifeMs = 600_000
/** A flood of made-up `kid`s costs the issuer one request a minute. */
const lookRestMs = 60_000
const failedLookRestMs = 5_000

export type SignatureCheckOptions = {
  readonly jwksUri: string
  /** Pinned: `none`, or HS256 under a public key, would let anybody sign. */
  readonly algorithm: string
  readonly fetch: CustomFetch
  readonly timeoutMs: number
  readonly clock: Clock
}

/**
 * Checks a token's signature with the issuer's published keys, which may rotate at any time; never throws.
 * openid-client leaves it out in the code flow. A key in the token's own header is never used.
 * OpenID Connect Core 1.0 sections 3.1.3.7 (item 6) and 10.1.1.
 */
export const signatureCheck = (options: SignatureCheckOptions): VerifySignature => {
  const keys = createRemoteJWKSet(new URL(options.jwksUri), {
    [customFetch]: (url, { headers, method, redirect, signal }) =>
      options.fetch(url, {
        method,
        redirect,
        signal,
        body: undefined,
        headers: Object.fromEntries(headers),
      }),
    timeoutDuration: options.timeoutMs,
    // When to look again for an unknown `kid` is decided here, not by jose.
    cooldownDuration: Infinity,
    cacheMaxAge: keysLifeMs,
  })
  const verify = async (token: string): Promise<SignatureVerdict> => {
    try {
      await compactVerify(token, keys, { algorithms: [options.algorithm] })
      return 'verified'
    } catch (error) {
      return verdictOn(error)
    }
  }
  const look = rareLooks(keys.reload, options.clock)
  return async (token) => {
    const verdict = await verify(token)
    if (verdict !== 'no_key') return verdict
    return (await look()) ? await verify(token) : 'unreachable'
  }
}

/**
 * Looks at the keys anew, once in a minute however often it is asked: right after a first fetch too, so that keys which rotate
 * between a login and the next are found. Whoever asks during a look waits for it. False: the look failed.
 */
const rareLooks = (reload: () => Promise<void>, clock: Clock) => {
  let restUntilMs = -Infinity
  let looking: Promise<boolean> | undefined
  const lookNow = async (): Promise<boolean> => {
    restUntilMs = clock.nowMs() + lookRestMs
    try {
      await reload()
      return true
    } catch {
      restUntilMs = clock.nowMs() + failedLookRestMs
      return false
    } finally {
      looking = undefined
    }
  }
  return async (): Promise<boolean> => {
    if (looking === undefined && clock.nowMs() < restUntilMs) return true
    looking ??= lookNow()
    return await looking
  }
}

const forgeries = new Set([
  'ERR_JWS_SIGNATURE_VERIFICATION_FAILED',
  'ERR_JWS_INVALID',
  'ERR_JOSE_ALG_NOT_ALLOWED',
  'ERR_JOSE_NOT_SUPPORTED',
])

const verdictOn = (error: unknown): SignatureVerdict => {
  if (!(error instanceof errors.JOSEError)) return 'unreachable'
  if (forgeries.has(error.code)) return 'forged'
  return noKey.has(error.code) ? 'no_key' : 'unreachable'
}

const noKey = new Set(['ERR_JWKS_NO_MATCHING_KEY', 'ERR_JWKS_MULTIPLE_MATCHING_KEYS'])
