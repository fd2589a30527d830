import { setTimeout as sleep } from 'node:timers/promises'
import type { Cleanup } from '../support/redis-server.ts'
import { lossesByCause } from './checker.ts'
import { endBoundMs } from './event-groups.ts'
import type { ChaosUser } from './client.ts'
import type { Figures } from './figures.ts'
import { figures } from './figures.ts'
import type { Event } from './history.ts'
import { runFaults } from './mix-faults.ts'
import type { Chance } from './random.ts'
import { chance } from './random.ts'
import { summary, untilOver } from './scenario-storm.ts'
import type { ChaosWorld } from './world.ts'
import { startWorld } from './world.ts'

export type MixSizes = {
  readonly brokers: number
  readonly users: number
  readonly seconds: number
}

const lifeMs = 3_000
/** The longest rest of the circuit breaker, and a refresh left behind by a killed broker. */
const settleMs = 15_000

/** R12, R13, R14, R28: everything at once, drawn by lot from the seed; the checker judges the history. */
export const mixedChaos = async (t: Cleanup, sizes: MixSizes, random: Chance): Promise<Figures> => {
  const env = { OIDC_TIMEOUT_MS: '3000', SESSION_IDLE_SECONDS: '20' }
  const world = await startWorld(t, { brokers: sizes.brokers, lifeMs, env })
  const startedMs = Date.now()
  const untilMs = startedMs + sizes.seconds * 1_000
  const users = Array.from({ length: sizes.users }, world.newUser)
  // Each has a course of their own: what one does depends on the seed, not on the others.
  const lives = users.map((user) => live(world, user, chance(random.below(2 ** 31)), untilMs))
  const faults = await runFaults(world, random, untilMs)
  await Promise.all(lives)
  await sleep(settleMs)
  const last = await Promise.all(users.map((user) => backAgain(user, random.below(sizes.brokers))))
  const history = world.history()
  const strange = history.events.filter((event) => !isExpected(event))
  const { grants, reuse, invalidGrants } = world.provider.books.counts
  return figures('R12 R13 R14 R28 all at once', world, startedMs, {
    facts: {
      ...sizes,
      ...prefixed('fault', faults),
      requests: history.events.length,
      grants,
      invalid_grant: invalidGrants,
      reuse,
      ...prefixed('sessions ended by', Object.fromEntries(lossesByCause(history))),
    },
    must: [
      [strange.length === 0, `unexpected answers: ${summary(strange)}`],
      [reuse === 0, `${reuse} refresh tokens sent twice`],
      [last.every(({ status }) => status === 200), `in the end: ${summary(last)}`],
    ],
  })
}

/** An outage is 503 with a time to come back, and a killed broker answers nothing. */
const isExpected = ({ kind, status, code, retryAfter }: Event): boolean => {
  if (status === 0 || status === 200 || status === 401) return true
  if (status === 303) return kind === 'login'
  if (status === 503) return kind === 'login' || (code !== undefined && retryAfter !== undefined)
  // A callback after an outage finds its transaction gone, or the code used up by a lost answer.
  return status === 400 && kind === 'login'
}

const live = async (
  world: ChaosWorld,
  user: ChaosUser,
  random: Chance,
  untilMs: number,
): Promise<void> => {
  const n = world.brokers.length
  while (Date.now() < untilMs) {
    await sleep(random.below(150))
    if (!user.hasSession()) await user.login(random.below(n), random.below(n))
    if (!user.hasSession()) continue
    const step = random.below(100)
    if (step < 70) await oneCall(user, random, n)
    else if (step < 85) await callsAtExpiry(world, user, random)
    else if (step < 93) await outAndTry(world, user, random)
    else await user.authenticated(random.below(n)).catch(() => undefined)
  }
}

const oneCall = async (user: ChaosUser, random: Chance, n: number): Promise<void> => {
  const { status, loginUrl } = await user.call(random.below(n))
  if (status === 401 && loginUrl !== undefined)
    await user.login(random.below(n), random.below(n), loginUrl)
}

const callsAtExpiry = async (world: ChaosWorld, user: ChaosUser, random: Chance): Promise<void> => {
  if (random.below(2) === 0) await untilOver(world, user)
  const brokers = Array.from({ length: 8 }, () => random.below(world.brokers.length))
  await Promise.all(brokers.map((broker) => user.call(broker)))
}

/** Logs out with calls in flight, and goes on trying with the cookie that was. */
const outAndTry = async (world: ChaosWorld, user: ChaosUser, random: Chance): Promise<void> => {
  const n = world.brokers.length
  const cookie = user.cookieHeader()
  const inFlight = [0, 1, 2].map(() => user.call(random.below(n), '/api/orders', cookie))
  const { status } = await user.logout(random.below(n))
  await Promise.all(inFlight)
  if (status !== 200) return
  await sleep(endBoundMs)
  await Promise.all(world.brokers.map(({ index }) => user.call(index, '/api/orders', cookie)))
}

/** In the end everybody works, some after a login. */
const backAgain = async (user: ChaosUser, broker: number): Promise<Event> => {
  const first = await user.call(broker)
  if (first.status === 200) return first
  await user.login(broker, broker, first.loginUrl ?? '/login')
  return await user.call(broker)
}

const prefixed = (prefix: string, counts: Record<string, number>) =>
  Object.fromEntries(Object.entries(counts).map(([name, count]) => [`${prefix}: ${name}`, count]))
