import { setTimeout as sleep } from 'node:timers/promises'
import type { Cleanup } from '../support/redis-server.ts'
import type { ChaosUser } from './client.ts'
import type { Figures } from './figures.ts'
import { figures } from './figures.ts'
import type { Event } from './history.ts'
import type { Chance } from './random.ts'
import { summary, untilOver } from './scenario-storm.ts'
import { inBatches, loginUsers, startWorld } from './world.ts'

export type SlowSizes = {
  readonly brokers: number
  readonly parallel: number
  readonly sessions: number
  readonly expiries: number
  readonly longestDelayMs: number
  /** OIDC_TIMEOUT_MS. */
  readonly timeoutMs: number
  /** On top of the promise, for a machine that does other things too. */
  readonly slackMs: number
}

const lifeMs = 5_000
/** Beyond OIDC_TIMEOUT_MS, for whoever waits. */
const graceMs = 1_000

/** R12, R14: the token endpoint takes its time. Callers wait so long and no longer; the grant counts all the same. */
export const slowProvider = async (
  t: Cleanup,
  sizes: SlowSizes,
  random: Chance,
): Promise<Figures> => {
  const { brokers, timeoutMs, longestDelayMs } = sizes
  const env = { OIDC_TIMEOUT_MS: String(timeoutMs) }
  const world = await startWorld(t, { brokers, lifeMs, env })
  const startedMs = Date.now()
  const users = await loginUsers(world, sizes.sessions)
  world.provider.faults.delayMs = () => random.below(longestDelayMs)
  const unserved: Event[] = []
  for (let round = 0; round < sizes.expiries; round += 1)
    await inBatches(users, users.length, async (user) => {
      await untilOver(world, user)
      await Promise.all(
        Array.from({ length: brokers * sizes.parallel }, (_, index) => user.call(index % brokers)),
      )
      const last = await served(user, random.below(brokers))
      if (last.status !== 200) unserved.push(last)
    })
  const expiries = users.length * sizes.expiries
  const { grants, invalidGrants, reuse } = world.provider.books.counts
  const calls = world.events.filter(({ kind }) => kind === 'call')
  const failed = calls.filter(({ status }) => status !== 200)
  const waited = failed.map(({ startMs, endMs }) => endMs - startMs)
  const early = waited.filter((ms) => ms < timeoutMs - 100).length
  const late = Math.max(0, ...calls.map(({ startMs, endMs }) => endMs - startMs))
  const other = failed.filter(
    ({ code, retryAfter }) => code !== 'idp_unavailable' || retryAfter === undefined,
  )
  return figures('R12 R14 slow provider', world, startedMs, {
    facts: {
      ...sizes,
      expiries,
      grants,
      invalid_grant: invalidGrants,
      reuse,
      calls: calls.length,
      '503 for those who waited too long': failed.length,
      'longest answer in ms': late,
    },
    must: [
      [grants === expiries, `${grants} grants for ${expiries} expiries`],
      [invalidGrants + reuse === 0, `${invalidGrants} invalid_grant, ${reuse} reuse`],
      [early === 0, `${early} calls refused before OIDC_TIMEOUT_MS`],
      [late <= timeoutMs + graceMs + sizes.slackMs, `an answer took ${late} ms`],
      [other.length === 0, `refused otherwise: ${summary(other)}`],
      [unserved.length === 0, `never served: ${summary(unserved)}`],
    ],
  })
}

const attempts = 40

/** Calls until it is answered by something else than 503. */
const served = async (user: ChaosUser, broker: number): Promise<Event> => {
  let last = await user.call(broker)
  for (let attempt = 0; attempt < attempts && last.status === 503; attempt += 1) {
    await sleep(500)
    last = await user.call(broker)
  }
  return last
}
