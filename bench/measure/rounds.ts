import type { Bars, Pace } from '../findings.ts'
import type { Round, Target } from './load.ts'
import { loadRound } from './load.ts'
import { median } from './numbers.ts'

export type Measured = { readonly target: Target; readonly all: readonly Round[] }

const warmUpSeconds = 3

/** Rounds of all targets by turns, forwards and backwards, so that a machine that slows down slows all alike. */
export const interleave = async (
  targets: readonly Target[],
  { rounds, seconds, say }: Pace,
): Promise<readonly Measured[]> => {
  for (const target of targets) await loadRound(target, Math.min(warmUpSeconds, seconds))
  const results = new Map<Target, Round[]>(targets.map((target) => [target, []]))
  for (let i = 0; i < rounds; i += 1)
    for (const target of i % 2 === 0 ? targets : targets.toReversed()) {
      const round = await loadRound(target, seconds)
      results.get(target)?.push(round)
      say(`round ${i + 1}, ${target.name}: ${roundText(round)}`)
    }
  return [...results].map(([target, all]) => ({ target, all }))
}

const roundText = ({ requestsPerSecond, cpuSecondsPer10k }: Round): string =>
  `${requestsPerSecond.toFixed(0)} requests/s, ${cpuSecondsPer10k.toFixed(2)} CPU-s per 10,000`

type Figure = keyof Round

export const medianOf = ({ all }: Measured, figure: Figure): number =>
  median(all.map((round) => round[figure]))

/** The median of the ratios of rounds that ran side by side: what slows both drops out. */
export const pairedRatio = (above: Measured, below: Measured, figure: Figure): number =>
  median(all(above, figure).map((value, i) => value / (all(below, figure)[i] ?? Number.NaN)))

const all = (measured: Measured, figure: Figure): readonly number[] =>
  measured.all.map((round) => round[figure])

/** Rows of a table of rounds, one for each target. */
export const roundRows = (measured: readonly Measured[]): readonly (readonly string[])[] =>
  measured.map((each) => [
    each.target.name,
    medianOf(each, 'requestsPerSecond').toFixed(0),
    cpuText(medianOf(each, 'cpuSecondsPer10k')),
  ])

export const roundHead = ['', 'requests/s', 'CPU seconds per 10,000'] as const

const cpuText = (value: number): string => (Number.isNaN(value) ? 'not measured' : value.toFixed(2))

/** Requests per second of all targets, to be drawn. */
export const roundBars = (title: string, measured: readonly Measured[]): Bars => ({
  title,
  rows: measured.map((each) => ({
    label: each.target.name,
    value: medianOf(each, 'requestsPerSecond'),
  })),
})
