import type { Clock } from './clock.ts'
import { BrokerError } from './errors.ts'
import type { FailureCode } from './failures.ts'
import type { Log } from './log.ts'

/** What is somebody else's outage: every call meets it, and each line says the same. */
const outages: ReadonlySet<FailureCode> = new Set([
  'idp_unavailable',
  'store_unavailable',
  'upstream_unreachable',
  'upstream_timeout',
])

const quietMs = 10_000

type Told = { readonly atMs: number; more: number }

/**
 * A log in which an outage is one line in ten seconds, with the number of lines it stands for as `more`; the others are at
 * `debug`. A thousand calls a second that all fail would bury the line that says why, and fill the disk.
 */
export const calmLog = (log: Log, clock: Clock): Log => {
  const told = new Map<string, Told>()
  const calm =
    (level: 'warn' | 'error'): Log['warn'] =>
    (facts, message) => {
      const code = outageOf(facts)
      if (code === undefined) return log[level](facts, message)
      const key = `${code} ${message}`
      const last = told.get(key)
      const nowMs = clock.nowMs()
      if (last !== undefined && Math.abs(nowMs - last.atMs) < quietMs) {
        last.more += 1
        return log.debug(facts, message)
      }
      told.set(key, { atMs: nowMs, more: 0 })
      log[level](last === undefined ? facts : { ...facts, more: last.more }, message)
    }
  return {
    debug: (facts, message) => log.debug(facts, message),
    info: (facts, message) => log.info(facts, message),
    warn: calm('warn'),
    error: calm('error'),
  }
}

const outageOf = (facts: object): FailureCode | undefined => {
  const error: unknown = Reflect.get(facts, 'err')
  return error instanceof BrokerError && outages.has(error.code) ? error.code : undefined
}
