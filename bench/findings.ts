/** One goal with what was measured for it. */
export type Goal = {
  readonly text: string
  readonly bound: 'at least' | 'at most'
  readonly limit: number
  /** Undefined: not measured, for the reason in `note`. */
  readonly measured: number | undefined
  readonly unit: string
  readonly digits: number
  readonly note?: string
}

export type Verdict = 'met' | 'missed' | 'not measured'

/** A NaN meets nothing. */
export const verdictOf = ({ bound, limit, measured }: Goal): Verdict => {
  if (measured === undefined) return 'not measured'
  return (bound === 'at least' ? measured >= limit : measured <= limit) ? 'met' : 'missed'
}

export type Table = {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** Values to draw side by side. */
export type Bars = {
  readonly title: string
  readonly rows: readonly { readonly label: string; readonly value: number }[]
}

/** What a part has found out. */
export type Findings = {
  /** How it was measured, in a sentence or two. */
  readonly about: string
  readonly tables: readonly Table[]
  readonly goals: readonly Goal[]
  readonly bars?: Bars
}

/** How long and how often a part measures, and where it tells of it. */
export type Pace = {
  readonly rounds: number
  readonly seconds: number
  readonly say: (text: string) => void
}

/** One measurement that can run alone. */
export type Part = {
  readonly name: string
  readonly title: string
  readonly run: (pace: Pace) => Promise<Findings>
}

/** Above this share of the machine, other programs make figures worthless. */
export const mostForOthers = 0.1

/** How a part ended; `othersShare` is how much of the machine other programs took meanwhile. */
export type Outcome = {
  readonly part: Part
  readonly findings: Findings | { readonly failed: string }
  readonly othersShare: number
}
