import type { Cleanup } from '../support/redis-server.ts'
import type { Figures } from './figures.ts'
import type { Chance } from './random.ts'
import { coherentCache } from './scenario-coherence.ts'
import { killStorm } from './scenario-kills.ts'
import { logoutRaces } from './scenario-logout.ts'
import { mixedChaos } from './scenario-mix.ts'
import { providerOutages } from './scenario-outages.ts'
import { redisOutages, sentinelFailovers } from './scenario-redis.ts'
import { slowProvider } from './scenario-slow.ts'
import { expiryStorm } from './scenario-storm.ts'

/** How much of each scenario. */
export type Sizes = {
  readonly brokers: number
  readonly parallel: number
  readonly sessions: number
  readonly expiries: number
  readonly stormLifeMs: number
  readonly slowSessions: number
  readonly slowExpiries: number
  readonly longestDelayMs: number
  readonly timeoutMs: number
  readonly races: number
  readonly raceWidth: number
  readonly kills: number
  readonly killEvery: number
  readonly redisRounds: number
  readonly outMs: number
  readonly cacheRounds: number
  readonly cacheUsers: number
  readonly cacheFaultMs: number
  readonly mixUsers: number
  readonly mixSeconds: number
  readonly slackMs: number
}

export type Scenario = {
  readonly name: string
  readonly run: (t: Cleanup, sizes: Sizes, random: Chance) => Promise<Figures>
}

/** Everything of issue "survive", one after the other; each has its own brokers, Redis and provider. */
export const scenarios: readonly Scenario[] = [
  {
    name: 'storm',
    run: (t, { brokers, parallel, sessions, expiries, stormLifeMs }) =>
      expiryStorm(t, { brokers, parallel, sessions, expiries, lifeMs: stormLifeMs, width: 1 }),
  },
  {
    name: 'slow',
    run: (t, sizes, random) => {
      const { brokers, slowSessions, slowExpiries, longestDelayMs, timeoutMs, slackMs } = sizes
      const some = { parallel: 10, sessions: slowSessions, expiries: slowExpiries }
      return slowProvider(t, { brokers, ...some, longestDelayMs, timeoutMs, slackMs }, random)
    },
  },
  {
    name: 'logout',
    run: (t, { brokers, races, raceWidth }, random) =>
      logoutRaces(t, { brokers, races, width: raceWidth }, random),
  },
  {
    name: 'coherence',
    run: (t, { cacheRounds, cacheUsers, cacheFaultMs }, random) => {
      const some = { rounds: cacheRounds, leavers: cacheUsers, stayers: 3, faultMs: cacheFaultMs }
      return coherentCache(t, some, random)
    },
  },
  {
    name: 'kills',
    run: (t, { kills, killEvery }, random) =>
      killStorm(t, { kills, lanes: 3, every: killEvery }, random),
  },
  {
    name: 'redis',
    run: (t, { redisRounds, slackMs }, random) =>
      redisOutages(t, { brokers: 2, users: 20, rounds: redisRounds, slackMs }, random),
  },
  {
    name: 'sentinel',
    run: (t, { redisRounds, slackMs }, random) =>
      sentinelFailovers(t, { brokers: 2, users: 20, rounds: redisRounds, slackMs }, random),
  },
  {
    name: 'provider',
    run: (t, { outMs, slackMs }, random) =>
      providerOutages(t, { brokers: 2, users: 20, outMs, slackMs }, random),
  },
  {
    name: 'mix',
    run: (t, { mixUsers, mixSeconds }, random) =>
      mixedChaos(t, { brokers: 3, users: mixUsers, seconds: mixSeconds }, random),
  },
]

/** A few minutes on two cores, for `npm test`. */
export const shortSizes: Sizes = {
  brokers: 4,
  parallel: 50,
  sessions: 5,
  expiries: 2,
  stormLifeMs: 3_000,
  slowSessions: 10,
  slowExpiries: 1,
  longestDelayMs: 4_000,
  timeoutMs: 1_500,
  races: 200,
  raceWidth: 100,
  cacheRounds: 1,
  cacheUsers: 4,
  cacheFaultMs: 1_200,
  kills: 14,
  killEvery: 3,
  redisRounds: 1,
  outMs: 2_500,
  mixUsers: 12,
  mixSeconds: 15,
  slackMs: 4_000,
}

/** The full run, each size to be set by `CHAOS_…`. */
export const fullSizes = (env: NodeJS.ProcessEnv): Sizes => {
  const size = (name: string, normal: number) => Number(env[`CHAOS_${name}`] ?? normal)
  return {
    brokers: size('BROKERS', 4),
    parallel: size('PARALLEL', 200),
    sessions: size('SESSIONS', 250),
    expiries: size('EXPIRIES', 3),
    stormLifeMs: size('STORM_LIFE_MS', 20_000),
    slowSessions: size('SLOW_SESSIONS', 50),
    slowExpiries: size('SLOW_EXPIRIES', 2),
    longestDelayMs: size('LONGEST_DELAY_MS', 20_000),
    timeoutMs: size('TIMEOUT_MS', 8_000),
    races: size('RACES', 10_000),
    raceWidth: size('RACE_WIDTH', 250),
    cacheRounds: size('CACHE_ROUNDS', 3),
    cacheUsers: size('CACHE_USERS', 6),
    cacheFaultMs: size('CACHE_FAULT_MS', 2_500),
    kills: size('KILLS', 300),
    killEvery: 1,
    redisRounds: size('REDIS_ROUNDS', 3),
    outMs: size('OUT_MS', 15_000),
    mixUsers: size('MIX_USERS', 30),
    mixSeconds: size('MIX_SECONDS', 90),
    slackMs: size('SLACK_MS', 500),
  }
}
