/** Time as a parameter: milliseconds since the epoch. */
export type Clock = { readonly nowMs: () => number }

/** The machine's clock. */
export const systemClock: Clock = { nowMs: () => Date.now() }

/** Whole seconds since the epoch, as tokens count them (RFC 7519 section 2). */
export const nowSeconds = (clock: Clock): number => Math.floor(clock.nowMs() / 1_000)

/** Milliseconds since some moment, for spans: no correction of the machine's clock makes them jump. */
export const monotonicMs = (): number => performance.now()
