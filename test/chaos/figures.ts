import type { ChaosWorld } from './world.ts'

/** What a scenario measured, and what of it must not be. */
export type Figures = {
  readonly name: string
  readonly seconds: number
  readonly facts: Readonly<Record<string, string | number>>
  /** Empty when all is well. */
  readonly faults: readonly string[]
  /** Known not to hold yet: shown, and no reason to stop. */
  readonly gaps: readonly string[]
  /** What the brokers wrote at LOG_LEVEL=warn, by message. */
  readonly logged: Readonly<Record<string, number>>
}

export type Measured = {
  readonly facts: Readonly<Record<string, string | number>>
  /** Each must hold; the text says what was found. */
  readonly must: readonly Demand[]
  /** Demands that are known not to be met always. */
  readonly gaps?: readonly Demand[]
}

type Demand = readonly [boolean, string]

const unmet = (demands: readonly Demand[]): string[] =>
  demands.filter(([holds]) => !holds).map(([, text]) => text)

const mostShown = 10

/** The figures of a scenario: its own demands, and those of the checker over its whole history. */
export const figures = (
  name: string,
  world: ChaosWorld,
  startedMs: number,
  { facts, must, gaps = [] }: Measured,
): Figures => {
  const violations = world.violations()
  const { unknown, expired } = world.api.counts
  const shown = violations.slice(0, mostShown).map(({ rule, what }) => `${rule}: ${what}`)
  return {
    name,
    seconds: Math.round((Date.now() - startedMs) / 1_000),
    facts: {
      ...facts,
      'tokens that ran out on their way to the API': expired,
      "the API's own 401 seen by a client": world.events.filter(
        ({ status, code }) => status === 401 && code === undefined,
      ).length,
      'checker violations': violations.length,
    },
    gaps: unmet(gaps),
    faults: [...unmet(must), ...shown, ...(unknown > 0 ? [`${unknown} tokens of nobody`] : [])],
    logged: Object.fromEntries(world.logs.counts),
  }
}
