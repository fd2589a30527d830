import { setTimeout as sleep } from 'node:timers/promises'
import type { Cleanup } from '../support/redis-server.ts'
import { endBoundMs } from './event-groups.ts'
import type { ChaosUser } from './client.ts'
import type { Figures } from './figures.ts'
import { figures } from './figures.ts'
import type { Chance } from './random.ts'
import { summary } from './scenario-storm.ts'
import type { ChaosWorld } from './world.ts'
import { inBatches, loginUsers, startWorld } from './world.ts'

export type LogoutSizes = {
  readonly brokers: number
  readonly races: number
  /** Races that run at the same time. */
  readonly width: number
}

const lifeMs = 2_000
/** Short, so that reads slide the session while the logout runs. */
const idleSeconds = 10
const callsInFlight = 4

/**
 * R13: calls, refreshes and slides are in flight while the session is logged out. Whatever starts 100 ms after the logout
 * has answered is refused on every instance, and no refresh token of the login lives on at the provider.
 */
export const logoutRaces = async (
  t: Cleanup,
  sizes: LogoutSizes,
  random: Chance,
): Promise<Figures> => {
  const env = { SESSION_IDLE_SECONDS: String(idleSeconds) }
  const world = await startWorld(t, { brokers: sizes.brokers, lifeMs, env })
  world.provider.faults.delayMs = () => random.below(60)
  const startedMs = Date.now()
  const after: Aftermath = { accepted: 0, authenticated: 0, refused: 0 }
  for (let done = 0; done < sizes.races; done += sizes.width) {
    const users = await loginUsers(world, Math.min(sizes.width, sizes.races - done))
    // Half of the rounds race a refresh: the token is over, and the first slide is due.
    if (random.below(2) === 0) await sleep(lifeMs)
    await inBatches(users, users.length, (user) => race(world, user, random, after))
  }
  await sleep(1_000)
  const logouts = world.events.filter(({ kind }) => kind === 'logout')
  const failed = logouts.filter(({ status }) => status !== 200)
  const { grants } = world.provider.books.counts
  const living = world.provider.books.living()
  return figures('R13 logout races', world, startedMs, {
    facts: {
      ...sizes,
      calls: world.events.filter(({ kind }) => kind === 'call').length,
      'refreshes in the races': grants,
      'refused afterwards': after.refused,
      resurrections: after.accepted + after.authenticated,
      'refresh tokens that live on': living,
    },
    must: [
      [living === 0, `${living} refresh tokens outlive their logout`],
      [after.accepted === 0, `${after.accepted} calls accepted after a logout`],
      [after.authenticated === 0, `${after.authenticated} sessions authenticated after a logout`],
      [failed.length === 0, `failed logouts: ${summary(failed)}`],
    ],
  })
}

type Aftermath = { accepted: number; authenticated: number; refused: number }

const race = async (
  world: ChaosWorld,
  user: ChaosUser,
  random: Chance,
  after: Aftermath,
): Promise<void> => {
  const n = world.brokers.length
  const cookie = user.cookieHeader()
  const calls = Array.from({ length: callsInFlight }, async () => {
    await sleep(random.below(60))
    await user.call(random.below(n), '/api/orders', cookie)
    await user.authenticated(random.below(n), cookie).catch(() => undefined)
  })
  await sleep(random.below(40))
  await user.logout(random.below(n))
  await sleep(endBoundMs)
  const late = await Promise.all(
    world.brokers.map(({ index }) => user.call(index, '/api/orders', cookie)),
  )
  await Promise.all(calls)
  const last = await user.call(random.below(n), '/api/orders', cookie)
  for (const { status } of [...late, last]) {
    if (status === 401) after.refused += 1
    else after.accepted += 1
  }
  if (await user.authenticated(random.below(n), cookie)) after.authenticated += 1
}
