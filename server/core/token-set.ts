/** One access token with its end; the refresh token is the vault's, since all sets share it. */
export type TokenSet = {
  readonly accessToken: string
  readonly tokenType: 'Bearer'
  readonly scope?: string | undefined
  /** When it was got; milliseconds since the epoch. */
  readonly obtainedAtMs: number
  readonly expiresAtMs: number
  /** Got because a resource server called the one before invalid. */
  readonly forced?: boolean | undefined
  /** Got in exchange for the login's own token, and worth what that one was. */
  readonly exchanged?: boolean | undefined
}

/** Which token a route wants; all undefined means the login's own. */
export type TokenWant = {
  /** Got for the client itself, or for the user's token; undefined: the user's, by the refresh token. */
  readonly kind?: 'service' | 'exchange' | undefined
  readonly audience?: string | undefined
  readonly resource?: string | undefined
  readonly scope?: string | undefined
}

/** The name of a token set in the vault: one per (kind, audience, resource, scope). */
export const tokenKey = ({ kind, audience = '', resource = '', scope = '' }: TokenWant): string => {
  if (kind !== undefined) return JSON.stringify([audience, resource, scope, kind])
  return audience === '' && resource === '' && scope === ''
    ? loginsOwn
    : JSON.stringify([audience, resource, scope])
}

const loginsOwn = JSON.stringify(['', '', ''])

const fallbackLifeSeconds = 300
const longestLifeSeconds = 86_400 * 365

/**
 * A sane life from the provider's `expires_in`, in seconds.
 * Missing or not a number: 300. Negative: 0. Absurd: capped, so that no date overflows (`1e309`).
 */
export const lifeSeconds = (expiresIn: unknown): number => {
  const seconds =
    typeof expiresIn === 'string' && expiresIn.trim() !== '' ? Number(expiresIn) : expiresIn
  if (typeof seconds !== 'number' || Number.isNaN(seconds)) return fallbackLifeSeconds
  return Math.min(Math.max(Math.floor(seconds), 0), longestLifeSeconds)
}

export type Freshness = 'fresh' | 'ageing' | 'stale'

const longestMarginMs = 1_000

const marginMs = ({ obtainedAtMs, expiresAtMs }: TokenSet): number =>
  Math.min(longestMarginMs, (expiresAtMs - obtainedAtMs) / 6)

/**
 * Whether a token is no longer sent, a little before its end: it is judged where it arrives, and a provider that writes `exp` in
 * whole seconds ends it up to one early. At most a sixth of the life, so that a short-lived token can be used at all.
 */
export const isSpent = (set: TokenSet, nowMs: number): boolean =>
  nowMs >= set.expiresAtMs - marginMs(set)

/**
 * Whether a token can be sent (`fresh`), sent while a new one is fetched (`ageing`), or not sent (`stale`).
 * The last two are a third of the life at most, so that a short-lived token is not always ageing.
 */
export const freshness = (set: TokenSet, nowMs: number, aheadSeconds: number): Freshness => {
  if (isSpent(set, nowMs)) return 'stale'
  const leftMs = set.expiresAtMs - nowMs
  const lifeMs = set.expiresAtMs - set.obtainedAtMs
  return leftMs <= Math.min(aheadSeconds * 1_000 + marginMs(set), lifeMs / 3) ? 'ageing' : 'fresh'
}

const forcedRestMs = 30_000

/** Whether a token was got just now because the one before was called invalid: an API that says so of all must not make every call a grant. */
export const forcedLately = (set: TokenSet | undefined, nowMs: number): boolean =>
  set?.forced === true && nowMs - set.obtainedAtMs < forcedRestMs
