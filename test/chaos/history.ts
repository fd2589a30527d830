/** The clock of a history, in whole milliseconds: no correction of the machine's clock makes it jump. */
export const historyMs = (): number => Math.floor(performance.timeOrigin + performance.now())

/** What one session's client saw of one request. */
export type Event = {
  readonly user: string
  readonly kind: 'login' | 'call' | 'logout'
  readonly broker: number
  readonly startMs: number
  readonly endMs: number
  /** 0: no answer came. */
  readonly status: number
  /** `code` of the broker's problem document; undefined on success, and on an upstream's own refusal. */
  readonly code?: string | undefined
  readonly loginUrl?: string | undefined
  readonly retryAfter?: string | undefined
  /** Whether the answer touched the session cookie. */
  readonly setsCookie: boolean
  /** The name of the session's records in the store, as far as it was sent. */
  readonly session?: string | undefined
}

/** An access token as its API saw it. */
export type Sighting = {
  readonly user: string
  readonly atMs: number
  readonly lifeMs: number
  readonly expiresMs: number
  /** When the provider gave another in its place, if it had by then. */
  readonly replacedMs?: number | undefined
}

/**
 * What became of a refresh token that reached the provider.
 * `refused`: 429 or 503, nothing was used up. `cut`: used up, and the answer lost. `unknown`: 500, 502, 504.
 */
export type SendingOutcome =
  'pending' | 'rotated' | 'refused' | 'cut' | 'unknown' | 'invalid_grant' | 'reuse'

export type Sending = {
  readonly user: string
  readonly token: string
  readonly broker: number
  readonly atMs: number
  endMs?: number
  outcome: SendingOutcome
}

/** A broker that was killed, or a fault that may leave one session's refresh in doubt. */
export type Kill = { readonly broker: number; readonly atMs: number }

/** A broker's look at one session, on its way to the store. */
export type Look = { readonly broker: number; readonly session: string; readonly atMs: number }

/** A time in which what a broker accepts must rest on a look that is not older than this. */
export type Trust = {
  readonly broker: number
  readonly fromMs: number
  readonly toMs: number
  readonly mostAgeMs: number
  /** What was done to the broker then. */
  readonly why?: string | undefined
}

export type Life = { readonly idleMs: number; readonly absoluteMs: number }

export type History = {
  readonly events: readonly Event[]
  readonly sightings: readonly Sighting[]
  readonly sendings: readonly Sending[]
  readonly kills: readonly Kill[]
  /** When the provider stopped listening: the kernel resets what it had not yet taken, and the provider never heard of it. */
  readonly cuts: readonly number[]
  readonly looks: readonly Look[]
  readonly trust: readonly Trust[]
  /** Of every session; undefined: none comes to its deadline. */
  readonly life?: Life | undefined
}
