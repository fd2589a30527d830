import type { Log } from '../core/log.ts'

const firstRestMs = 1_000
const longestRestMs = 10_000

type Ailment = {
  readonly failures: number
  readonly nextTryAtMs: number
  /** A call is finding out how it goes. */
  readonly tried: boolean
}

export type HealthDeps = { readonly nowMs: () => number; readonly log: Log }

export type UpstreamHealth = ReturnType<typeof upstreamHealth>

/**
 * Which upstreams failed when last connected to, by origin, learnt from the calls themselves.
 *
 * An upstream that fails rests for 1 s, then twice as long after each further failure, up to 10 s; at the end of a rest
 * one call tries it. What is well is not kept, so that for a healthy deployment a look costs one comparison.
 */
export const upstreamHealth = ({ nowMs, log }: HealthDeps) => {
  const ailments = new Map<string, Ailment>()
  return {
    allWell: (): boolean => ailments.size === 0,
    isWell: (origin: string): boolean => !ailments.has(origin),
    /**
     * Whether this call should go there: it is well, or its rest is over and nobody else tries it for `holdMs`.
     * A call that cannot be sent again leaves the trying to others, until nobody has come for long.
     */
    takes: (origin: string, call: { readonly repeatable: boolean; readonly holdMs: number }) => {
      const ailment = ailments.get(origin)
      if (ailment === undefined) return true
      const now = nowMs()
      const graceMs = call.repeatable ? 0 : longestRestMs
      if (now < ailment.nextTryAtMs + graceMs) return false
      const nextTryAtMs = now + Math.max(call.holdMs, firstRestMs)
      ailments.set(origin, { ...ailment, nextTryAtMs, tried: true })
      return true
    },
    failed: (origin: string): void => {
      const before = ailments.get(origin)
      const now = nowMs()
      // Many calls meet one failure: only a new try makes the rest longer.
      if (before !== undefined && !before.tried && now < before.nextTryAtMs) return
      const failures = (before?.failures ?? 0) + 1
      const restMs = Math.min(firstRestMs * 2 ** (failures - 1), longestRestMs)
      ailments.set(origin, { failures, nextTryAtMs: now + restMs, tried: false })
      if (before === undefined) log.warn({ upstream: origin }, 'upstream does not connect')
    },
    worked: (origin: string): void => {
      if (ailments.delete(origin)) log.info({ upstream: origin }, 'upstream is back')
    },
  }
}
