import type { FoundKey, KeySet, KeyWish } from './key-set.ts'
import { keySet } from './key-set.ts'

export type KeyAnswer =
  | { readonly kind: 'key'; readonly found: FoundKey }
  /** The issuer has no such key now. */
  | { readonly kind: 'no_key' }
  /** Nobody can tell: the issuer is away, and nothing is known of it. */
  | { readonly kind: 'unavailable'; readonly cause: unknown }

export type IssuerKeys = { readonly find: (wish: KeyWish) => Promise<KeyAnswer> }

export type RemoteKeysOptions = {
  /** The issuer's JWK Set as it is published now; rejects when it cannot be had. */
  readonly read: () => Promise<unknown>
  readonly nowMs: () => number
  /** A flood of made-up `kid`s costs the issuer one look in this time; 30 s if left out. */
  readonly lookRestMs?: number
}

/** Read anew, behind the calls, when older than this. */
const freshMs = 600_000
/** A service that was idle waits for the keys instead: one may have been withdrawn long ago. */
const agedMs = 2 * freshMs
/** While the issuer is away its last keys serve on, and a withdrawn one ends with this. */
const longestLifeMs = 86_400_000
const failedRestMs = 5_000
const usualLookRestMs = 30_000

/**
 * An issuer's published keys, which may rotate at any time: cached, read anew in the background and for an unknown `kid`, kept while
 * the issuer is away. A `kid` is compared with those of the set, and never part of an address.
 * OpenID Connect Core 1.0 section 10.1.1.
 */
export const remoteKeys = (options: RemoteKeysOptions): IssuerKeys => {
  const cache = keyCache(options)
  const look = rareLook(cache, options)
  return {
    find: async (wish) => {
      const ageMs = cache.ageMs()
      if (ageMs > agedMs) await cache.reload()
      else if (ageMs > freshMs) void cache.reload()
      const before = await cache.keys()?.find(wish)
      if (before !== undefined) return { kind: 'key', found: before }
      if (cache.keys() !== undefined) await look()
      const found = await cache.keys()?.find(wish)
      if (found !== undefined) return { kind: 'key', found }
      const failure = cache.failure()
      return failure === undefined ? { kind: 'no_key' } : { kind: 'unavailable', ...failure }
    },
  }
}

type KeyCache = {
  readonly keys: () => KeySet | undefined
  readonly ageMs: () => number
  /** How the last reading failed; undefined: it did not. */
  readonly failure: () => { readonly cause: unknown } | undefined
  /** One reading for all who ask meanwhile; never rejects, and rests a little after a failure. */
  readonly reload: () => Promise<void>
}

const keyCache = ({ read, nowMs }: RemoteKeysOptions): KeyCache => {
  let known: { readonly keys: KeySet; readonly atMs: number } | undefined
  let failed: { readonly cause: unknown; readonly atMs: number } | undefined
  let reading: Promise<void> | undefined
  const ageMs = () => (known === undefined ? Infinity : nowMs() - known.atMs)
  const readOnce = async () => {
    try {
      const keys = keySet(await read())
      if (keys === undefined) throw new TypeError('not a JWK Set, or one of too many keys')
      known = { keys, atMs: nowMs() }
      failed = undefined
    } catch (cause) {
      failed = { cause, atMs: nowMs() }
    } finally {
      reading = undefined
    }
  }
  return {
    ageMs,
    keys: () => (ageMs() > longestLifeMs ? undefined : known?.keys),
    failure: () => failed && { cause: failed.cause },
    reload: async () => {
      const rests = failed !== undefined && nowMs() - failed.atMs < failedRestMs
      if (reading === undefined && rests) return
      reading ??= readOnce()
      await reading
    },
  }
}

/** Reads the keys anew for a `kid` that is not among them, and not soon again; who comes during it waits for it. */
const rareLook = (cache: KeyCache, { nowMs, lookRestMs = usualLookRestMs }: RemoteKeysOptions) => {
  let restUntilMs = -Infinity
  let looking: Promise<void> | undefined
  const lookNow = async (): Promise<void> => {
    restUntilMs = nowMs() + lookRestMs
    await cache.reload()
    if (cache.failure() !== undefined) restUntilMs = nowMs() + failedRestMs
  }
  return async (): Promise<void> => {
    if (nowMs() >= restUntilMs) looking = lookNow()
    await looking
  }
}
