import { setTimeout as sleep } from 'node:timers/promises'
import type { ChaosUser } from './client.ts'
import type { Event } from './history.ts'
import { historyMs } from './history.ts'
import type { Chance } from './random.ts'
import type { ChaosWorld } from './world.ts'

/** Near enough to be met in the middle of it all; a tenth of the idle time, when it is moved, is beyond a second. */
export const cacheLife = { idleMs: 11_000, absoluteMs: 13_000 }

/** Beyond a session's end: longer than any cache holds it. */
const aftermathMs = 1_300
const pauseMs = 25

/** Calls at every broker without waiting for the answers, so that what is standing still is called all the same. */
const callEverywhere = async (
  world: ChaosWorld,
  user: ChaosUser,
  random: Chance,
  isOver: () => boolean,
): Promise<void> => {
  const cookie = user.cookieHeader()
  await Promise.all(
    world.brokers.map(async ({ index }) => {
      const calls: Promise<Event>[] = []
      while (!isOver()) {
        calls.push(user.call(index, '/api/orders', cookie))
        await sleep(random.below(2 * pauseMs))
      }
      await Promise.all(calls)
    }),
  )
}

const login = (world: ChaosWorld, user: ChaosUser, random: Chance) => {
  const n = world.brokers.length
  return user.login(random.below(n), random.below(n))
}

/** Calls everywhere, and is logged out at one of the brokers, by its own click or by its provider. */
export const leaves = async (
  world: ChaosWorld,
  user: ChaosUser,
  random: Chance,
  inMs: number,
): Promise<void> => {
  const state = { isOver: false }
  const calling = callEverywhere(world, user, random, () => state.isOver)
  await sleep(inMs)
  const broker = random.below(world.brokers.length)
  if (random.below(2) === 0) await user.logout(broker)
  else await user.endedByProvider(broker, await world.provider.logoutToken(user.name))
  await sleep(aftermathMs)
  state.isOver = true
  await calling
}

/** Calls everywhere, over the absolute deadline of its session; then with the next one. */
export const stays = async (
  world: ChaosWorld,
  user: ChaosUser,
  random: Chance,
  isOver: () => boolean,
): Promise<void> => {
  while (!isOver()) {
    const { endMs } = await login(world, user, random)
    const untilMs = endMs + cacheLife.absoluteMs + aftermathMs
    await callEverywhere(world, user, random, () => isOver() || historyMs() >= untilMs)
  }
}

/** Calls everywhere, is quiet for its idle time, and calls again. */
export const sleeps = async (
  world: ChaosWorld,
  user: ChaosUser,
  random: Chance,
): Promise<readonly Event[]> => {
  await login(world, user, random)
  const untilMs = historyMs() + 500
  await callEverywhere(world, user, random, () => historyMs() >= untilMs)
  await sleep(cacheLife.idleMs + 120)
  return await Promise.all(world.brokers.map(({ index }) => user.call(index)))
}
