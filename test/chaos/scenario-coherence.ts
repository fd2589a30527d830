import { setTimeout as sleep } from 'node:timers/promises'
import type { Cleanup } from '../support/redis-server.ts'
import { cacheLife, leaves, sleeps, stays } from './cache-users.ts'
import type { ChannelFault, ChannelProxy } from './channel-proxy.ts'
import { startChannelProxy } from './channel-proxy.ts'
import { coherenceFacts } from './coherence-facts.ts'
import type { Episode } from './coherence-facts.ts'
import type { Figures } from './figures.ts'
import { figures } from './figures.ts'
import type { Event, Look } from './history.ts'
import { historyMs } from './history.ts'
import type { Chance } from './random.ts'
import { summary } from './scenario-storm.ts'
import type { ChaosWorld } from './world.ts'
import { loginUsers, startWorld } from './world.ts'

export type CoherenceSizes = {
  /** Each goes through all faults. */
  readonly rounds: number
  /** Sessions that are logged out, under each fault. */
  readonly leavers: number
  /** Sessions that live on, through all faults. */
  readonly stayers: number
  readonly faultMs: number
}

const brokers = 3
const lifeMs = 3_000
const warmMs = 400
/** Logouts begin a little before the fault and end a little after it: what is missed while it heals counts too. */
const edgeMs = 150
/** Heard from now on no more, what was heard may be relied on for so long: the bound itself. */
const boundMs = 100
/** No cache holds a session for longer than a second. */
const longestMs = 1_100

type Stage = {
  readonly world: ChaosWorld
  readonly proxies: readonly ChannelProxy[]
  readonly random: Chance
  readonly sizes: CoherenceSizes
}

type Fault = {
  readonly name: string
  /** Spoils one broker for some time; calls that begin in the spans it gives back rest on what that broker saw itself. */
  readonly spoil: (stage: Stage, broker: number) => Promise<readonly Span[]>
}
type Span = { readonly fromMs: number; readonly toMs: number }

/**
 * R13: every broker holds the sessions that it has opened, and what tells it of their ends is cut, late, silent, not to be
 * proved, or the broker itself stands still. No call that starts 100 ms after the answer of a logout, or after a session's
 * deadline, is accepted.
 */
export const coherentCache = async (
  t: Cleanup,
  sizes: CoherenceSizes,
  random: Chance,
): Promise<Figures> => {
  const looks: Look[] = []
  const proxies: ChannelProxy[] = []
  const world = await startWorld(t, {
    brokers,
    lifeMs,
    life: cacheLife,
    looks,
    env: {
      SESSION_IDLE_SECONDS: String(cacheLife.idleMs / 1_000),
      SESSION_ABSOLUTE_SECONDS: String(cacheLife.absoluteMs / 1_000),
    },
    redisUrl: async (broker, port) => {
      const look = (session: string, atMs: number) => void looks.push({ broker, session, atMs })
      const proxy = await startChannelProxy(t, port, look)
      proxies[broker] = proxy
      return proxy.url
    },
  })
  const startedMs = Date.now()
  for (const { index } of world.brokers)
    world.trust.push({ broker: index, fromMs: 0, toMs: Infinity, mostAgeMs: longestMs })
  const stage = { world, proxies, random, sizes }
  const { episodes, slept, stayers } = await underTraffic(stage)
  const { facts, must } = coherenceFacts(world, episodes, stayers)
  const woken = slept.filter(({ status }) => status !== 401)
  return figures('R13 coherent session cache', world, startedMs, {
    facts: { brokers, ...sizes, ...facts, 'refused after their idle time': slept.length },
    must: [...must, [woken.length === 0, `after their idle time: ${summary(woken)}`]],
  })
}

const underTraffic = async (stage: Stage) => {
  const { world, sizes, random } = stage
  const state = { isOver: false }
  const users = Array.from({ length: sizes.stayers }, world.newUser)
  const staying = users.map(async (user, index) => {
    // Not all of them at their deadline at the same time.
    await sleep((index * cacheLife.absoluteMs) / users.length)
    await stays(world, user, random, () => state.isOver)
  })
  const episodes: Episode[] = []
  const sleeping: Promise<readonly Event[]>[] = []
  for (let round = 0; round < sizes.rounds; round += 1)
    for (const [index, fault] of faults.entries()) {
      // Not in the last of them: it would be waited for.
      if (index < sizes.stayers) sleeping.push(sleeps(world, world.newUser(), random))
      episodes.push(await underFault(stage, fault))
    }
  state.isOver = true
  await Promise.all(staying)
  const slept = (await Promise.all(sleeping)).flat()
  return { episodes, slept, stayers: new Set(users.map(({ name }) => name)) }
}

/** Logs users in, lets every broker get to know them, and logs them out while one of the brokers is spoiled. */
const underFault = async (stage: Stage, fault: Fault): Promise<Episode> => {
  const { world, sizes, random } = stage
  const users = await loginUsers(world, sizes.leavers)
  const broker = random.below(brokers)
  const span = edgeMs + sizes.faultMs + edgeMs
  const leaving = users.map((user) => leaves(world, user, random, warmMs + random.below(span)))
  await sleep(warmMs + edgeMs)
  const fromMs = historyMs()
  const spans = await fault.spoil(stage, broker)
  const toMs = historyMs()
  await Promise.all(leaving)
  for (const deaf of spans)
    world.trust.push({ broker, ...deaf, mostAgeMs: boundMs, why: fault.name })
  const leavers = new Set(users.map(({ name }) => name))
  return { fault: fault.name, broker, fromMs: fromMs + boundMs, toMs, leavers }
}

/** For the whole time; it makes the broker deaf where no news can be in time. */
const channel = (name: string, draw: (random: Chance) => ChannelFault): Fault => ({
  name,
  spoil: async ({ proxies, random, sizes }, broker) => {
    const fault = draw(random)
    const fromMs = historyMs() + boundMs
    proxies[broker]?.set(fault)
    await sleep(sizes.faultMs)
    const toMs = historyMs()
    proxies[broker]?.set({ kind: 'healthy' })
    const isDeaf = fault.kind === 'late' ? fault.byMs > boundMs : fault.kind !== 'healthy'
    return isDeaf ? [{ fromMs, toMs }] : []
  },
})

/**
 * Stands still, again and again; calls wait at its door. It is not deaf: what it missed is there when it wakes, and a call that has waited
 * may rest on an old look and on news heard since.
 */
const standstill: Fault = {
  name: 'process stopped',
  spoil: async ({ world, random, sizes }, broker) => {
    const untilMs = historyMs() + sizes.faultMs
    while (historyMs() < untilMs) {
      world.broker(broker).freeze()
      await sleep(300 + random.below(700))
      world.broker(broker).thaw()
      await sleep(200 + random.below(200))
    }
    return []
  },
}

const faults: readonly Fault[] = [
  channel('none', () => ({ kind: 'healthy' })),
  channel('news cut off', () => ({ kind: 'cut' })),
  channel('news late by 50-150 ms', (random) => ({ kind: 'late', byMs: 50 + random.below(101) })),
  channel('news late by 0.15-2 s', (random) => ({ kind: 'late', byMs: 150 + random.below(1_851) })),
  channel('news held up, connection open', () => ({ kind: 'silent' })),
  channel('PINGs held up', () => ({ kind: 'unheard' })),
  standstill,
]
