import { singleFlight } from '../core/single-flight.ts'
import type { TokenFault } from './token-fault.ts'

export type Verdict =
  | { readonly kind: 'good'; readonly untilMs: number }
  | { readonly kind: 'fault'; readonly fault: TokenFault }
  | { readonly kind: 'unavailable'; readonly cause: unknown }

/** A refusal is looked at again soon: keys rotate, clocks are set, and a deployer mends a mistake. */
const faultRestMs = 5_000
const unavailableRestMs = 1_000

/**
 * What was found of tokens, so that the next call with one costs a look into a map; any number of calls with a new one wait for one
 * check. Bounded: the tokens that came first are forgotten first.
 */
export const verdictCache = (nowMs: () => number, most = 10_000) => {
  const known = new Map<string, { readonly verdict: Verdict; readonly untilMs: number }>()
  const flight = singleFlight<Verdict>()
  const keep = (key: string, verdict: Verdict): Verdict => {
    const [oldest] = known.keys()
    if (known.size >= most && oldest !== undefined) known.delete(oldest)
    known.set(key, { verdict, untilMs: endOf(verdict, nowMs()) })
    return verdict
  }
  return (key: string, check: () => Promise<Verdict>): Verdict | Promise<Verdict> => {
    const found = known.get(key)
    if (found !== undefined && nowMs() < found.untilMs) return found.verdict
    return flight(key, async () => keep(key, await check()))
  }
}

const endOf = (verdict: Verdict, now: number): number => {
  if (verdict.kind === 'good') return verdict.untilMs
  return now + (verdict.kind === 'fault' ? faultRestMs : unavailableRestMs)
}
