import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../core/clock.ts'
import type { TenantId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'

/** A tenant that is no more. */
export type Removed = {
  readonly tenant: TenantId
  /** Ends all of its sessions that were created before then; the result counts them. */
  readonly endAll: (beforeMs: number) => Promise<number>
  /** Called when that is done, or no longer tried. */
  readonly leave: () => Promise<void>
}

type Owed = Removed & { readonly beforeMs: number }

export type RemovedTenants = {
  /** Sessions of the tenant that were created before this are over, though the store does not say so yet. */
  readonly overBeforeMs: (tenant: TenantId) => number | undefined
  /** Tries once for each; what fails is tried again and again behind it. */
  readonly end: (removed: readonly Removed[]) => Promise<void>
  /** Tries no longer. */
  readonly stop: () => Promise<void>
}

export type RemovedTenantsDeps = { readonly clock: Clock; readonly log: Log }

/** Ends the sessions of tenants that were removed, or have another provider or client, until the store has taken it. */
export const removedTenants = ({ clock, log }: RemovedTenantsDeps): RemovedTenants => {
  const owed = new Set<Owed>()
  const stopped = new AbortController()
  let trying: Promise<void> | undefined
  const tryAll = async (all: Iterable<Owed>): Promise<void> => {
    for (const one of all) {
      if (stopped.signal.aborted || !(await isEnded(one, log))) continue
      owed.delete(one)
      await one.leave()
    }
  }
  const tryOn = (): Promise<void> =>
    again(stopped.signal, async () => {
      await tryAll(owed)
      return owed.size === 0
    }).finally(() => {
      trying = undefined
    })
  return {
    overBeforeMs: (tenant) => {
      const own = [...owed].flatMap((one) => (one.tenant === tenant ? [one.beforeMs] : []))
      return own.length === 0 ? undefined : Math.max(...own)
    },
    end: async (removed) => {
      // A second more: whoever logs in at this moment is meant as well.
      const beforeMs = clock.nowMs() + 1_000
      const all = removed.map((one) => ({ ...one, beforeMs }))
      for (const one of all) owed.add(one)
      await tryAll(all)
      if (owed.size > 0) trying ??= tryOn()
    },
    stop: async () => {
      stopped.abort()
      await trying
      await Promise.all([...owed].map((one) => one.leave()))
    },
  }
}

/** One that fails must not leave the others' sessions as they are. */
const isEnded = ({ tenant, endAll, beforeMs }: Owed, log: Log): Promise<boolean> =>
  endAll(beforeMs).then(
    (sessions) => {
      log.info({ tenant, sessions }, 'sessions of a removed tenant ended')
      return true
    },
    (err: unknown) => {
      log.error({ tenant, err }, 'sessions of a removed tenant not ended')
      return false
    },
  )

const firstWaitMs = 1_000
const longestWaitMs = 30_000

/** Runs something until it is done, less and less often; ends with the signal. */
const again = async (signal: AbortSignal, isDone: () => Promise<boolean>): Promise<void> => {
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(2 * waitMs, longestWaitMs)) {
    await sleep(waitMs, undefined, { signal, ref: false }).catch(() => undefined)
    if (signal.aborted || (await isDone())) return
  }
}
