import { setTimeout as sleep } from 'node:timers/promises'
import type { Cleanup } from '../support/redis-server.ts'
import type { Figures } from './figures.ts'
import { figures } from './figures.ts'
import type { Chance } from './random.ts'
import { summary } from './scenario-storm.ts'
import { startSentinelGroup } from './sentinel-group.ts'
import type { Window } from './traffic.ts'
import { steadyTraffic, windowFacts } from './traffic.ts'
import type { ChaosWorld } from './world.ts'
import { loginUsers, startWorld } from './world.ts'

export type RedisSizes = {
  readonly brokers: number
  readonly users: number
  /** Each round is a kill with a restart and a freeze; or a failover. */
  readonly rounds: number
  /** On top of the promises, for a machine that does other things too. */
  readonly slackMs: number
}

const lifeMs = 3_000
const downMs = 2_500
const restMs = 6_000
const pauseMs = 40
const answerMs = 2_000
const healMs = 5_000

/** R28: the one Redis is killed and started again, and frozen; the brokers are never restarted. */
export const redisOutages = async (
  t: Cleanup,
  sizes: RedisSizes,
  random: Chance,
): Promise<Figures> => {
  const world = await startWorld(t, { brokers: sizes.brokers, lifeMs })
  const { redis } = world
  const faults = {
    'killed and started again': { harm: redis.kill, heal: redis.start },
    frozen: {
      harm: () => Promise.resolve(redis.freeze()),
      heal: () => Promise.resolve(redis.thaw()),
    },
  }
  return await underTraffic('R28 Redis outages', world, sizes, random, async () => {
    const windows: Window[] = []
    for (let round = 0; round < sizes.rounds; round += 1)
      for (const [name, { harm, heal }] of Object.entries(faults)) {
        await sleep(random.below(lifeMs))
        const brokenMs = Date.now()
        await harm()
        await sleep(downMs)
        await heal()
        windows.push(await healed(name, brokenMs, Date.now()))
      }
    return windows
  })
}

/** R28: the primary is killed, Sentinel promotes the replica, and the old primary comes back as a replica. */
export const sentinelFailovers = async (
  t: Cleanup,
  sizes: RedisSizes,
  random: Chance,
): Promise<Figures> => {
  const group = await startSentinelGroup(t)
  const redisUrl = () => Promise.resolve(group.url)
  const world = await startWorld(t, { brokers: sizes.brokers, lifeMs, redisUrl })
  return await underTraffic('R28 Sentinel failovers', world, sizes, random, async () => {
    const windows: Window[] = []
    for (let round = 0; round < sizes.rounds; round += 1) {
      await sleep(random.below(lifeMs))
      const { primary, other } = await group.roles()
      const brokenMs = Date.now()
      await primary.kill()
      windows.push(await healed('failover', brokenMs, await group.promoted(other)))
      await primary.start()
      await group.following(primary)
    }
    return windows
  })
}

const healed = async (name: string, brokenMs: number, healedMs: number): Promise<Window> => {
  await sleep(restMs)
  return { name, brokenMs, healedMs, overMs: Date.now() }
}

const underTraffic = async (
  name: string,
  world: ChaosWorld,
  sizes: RedisSizes,
  random: Chance,
  work: () => Promise<Window[]>,
): Promise<Figures> => {
  const startedMs = Date.now()
  const users = await loginUsers(world, sizes.users)
  // Some have logged out a moment before, and go on calling with the cookie they had.
  const gone = await loginUsers(world, Math.ceil(sizes.users / 4))
  const traffic = steadyTraffic([...users, ...gone], sizes.brokers, random, pauseMs)
  await sleep(500)
  await Promise.all(gone.map((user) => user.logout(random.below(sizes.brokers))))
  const windows = await work()
  await traffic.stop()
  const last = await Promise.all(users.map((user) => user.call(random.below(sizes.brokers))))
  const seen = windows.map((window) => ({ ...window, ...windowFacts(world.events, window) }))
  const longest = Math.max(...seen.map(({ longestMs }) => longestMs))
  const failed = seen.flatMap((window) => window.failed)
  const bare = seen.flatMap((window) => window.bare)
  const cookies = seen.flatMap((window) => window.cookies)
  const { reuse, invalidGrants } = world.provider.books.counts
  return figures(name, world, startedMs, {
    facts: {
      ...sizes,
      answers: seen.reduce((sum, { answers }) => sum + answers, 0),
      'answers that were no 200': summary(failed),
      'longest answer in ms': longest,
      ...healings(seen),
      'sessions that live in the end': last.filter(({ status }) => status === 200).length,
      invalid_grant: invalidGrants,
      reuse,
    },
    must: [
      [failed.length > 0, 'nobody noticed the outage'],
      [longest <= answerMs + sizes.slackMs, `an answer took ${longest} ms`],
      [bare.length === 0, `without 503 and Retry-After: ${summary(bare)}`],
      [cookies.length === 0, `${cookies.length} failures touched the cookie`],
      [seen.every(({ healingMs }) => healingMs <= healMs + sizes.slackMs), `healing: ${JSON.stringify(healings(seen))}`], // prettier-ignore
      [last.every(({ status }) => status === 200), `in the end: ${summary(last)}`],
      [invalidGrants + reuse === 0, `${invalidGrants} invalid_grant, ${reuse} reuse`],
    ],
  })
}

/** By fault: the longest time from the end of its cause to the last failed call, in ms. */
const healings = (windows: readonly { name: string; healingMs: number }[]) => {
  const longest: Record<string, number> = {}
  for (const { name, healingMs } of windows)
    longest[`${name}: last failure after healing, ms`] = Math.max(
      healingMs,
      longest[`${name}: last failure after healing, ms`] ?? 0,
    )
  return longest
}
