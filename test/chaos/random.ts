export type Chance = {
  /** In [0, 1). */
  readonly next: () => number
  /** A whole number in [0, below). */
  readonly below: (below: number) => number
  readonly pick: <T>(of: readonly T[]) => T
}

/** A generator whose whole course follows from its seed: mulberry32. */
export const chance = (seed: number): Chance => {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (limit: number) => Math.floor(next() * limit)
  const pick = <T>(of: readonly T[]): T => {
    const picked = of[below(of.length)]
    if (picked === undefined) throw new Error('nothing to pick from')
    return picked
  }
  return { next, below, pick }
}

/** `CHAOS_SEED`, or a new one. */
export const seedFrom = (env: NodeJS.ProcessEnv): number =>
  env['CHAOS_SEED'] === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(env['CHAOS_SEED'])
