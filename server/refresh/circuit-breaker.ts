import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'

export type CircuitBreaker = {
  /** Milliseconds until the provider may be asked again; 0: ask, and report what came of it. */
  readonly enter: () => number
  readonly succeeded: () => void
  /** `retryAfterSeconds`: what the provider itself asked for. */
  readonly failed: (retryAfterSeconds?: number) => void
}

const failuresToOpen = 5
const firstRestMs = 1_000
const longestRestMs = 10_000
const longestRetryAfterMs = 30_000
/** One call in this time tries whether the provider is back. */
const probeMs = 2_000

/**
 * Spares a provider that is down: after five failures in a row it is left alone, for a second, then longer, up to ten.
 * It spares sessions too: a refresh that is not sent cannot end in doubt.
 */
export const circuitBreaker = (clock: Clock, log: Log): CircuitBreaker => {
  let failures = 0
  let restMs = firstRestMs
  let restUntilMs = 0
  const rest = (ms: number) => {
    restUntilMs = Math.max(restUntilMs, clock.nowMs() + ms)
  }
  return {
    enter: () => {
      const leftMs = restUntilMs - clock.nowMs()
      if (leftMs > 0) return leftMs
      if (failures >= failuresToOpen) rest(probeMs)
      return 0
    },
    succeeded: () => {
      if (failures >= failuresToOpen) log.info({ failures }, 'the provider answers again')
      failures = 0
      restMs = firstRestMs
      restUntilMs = 0
    },
    failed: (retryAfterSeconds) => {
      failures += 1
      if (retryAfterSeconds !== undefined)
        rest(Math.min(retryAfterSeconds * 1_000, longestRetryAfterMs))
      if (failures < failuresToOpen) return
      if (failures === failuresToOpen) log.error({ failures }, 'the provider is down: it is spared')
      rest(restMs)
      restMs = Math.min(restMs * 2, longestRestMs)
    },
  }
}
