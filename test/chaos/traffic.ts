import { setTimeout as sleep } from 'node:timers/promises'
import type { ChaosUser } from './client.ts'
import type { Event } from './history.ts'
import type { Chance } from './random.ts'

export type Traffic = { readonly stop: () => Promise<void> }

/** Each user calls without end, at any broker, one call after the other; with the cookie they have now, come what may. */
export const steadyTraffic = (
  users: readonly ChaosUser[],
  brokers: number,
  random: Chance,
  pauseMs: number,
): Traffic => {
  const state = { isOver: false }
  const calling = users.map(async (user) => {
    const cookie = user.cookieHeader()
    while (!state.isOver) {
      await user.call(random.below(brokers), '/api/orders', cookie)
      await sleep(random.below(2 * pauseMs))
    }
  })
  return {
    stop: async () => {
      state.isOver = true
      await Promise.all(calling)
    },
  }
}

/** A time in which something was broken; `healedMs` is when its cause was gone. */
export type Window = {
  readonly name: string
  readonly brokenMs: number
  readonly healedMs: number
  readonly overMs: number
}

/** What the users saw of a fault. */
export const windowFacts = (events: readonly Event[], { brokenMs, healedMs, overMs }: Window) => {
  const seen = events.filter(
    ({ kind, startMs, endMs }) => kind !== 'login' && endMs >= brokenMs && startMs <= overMs,
  )
  const failed = seen.filter(({ status }) => status !== 200 && status !== 401)
  const lastMs = Math.max(healedMs, ...failed.map(({ endMs }) => endMs))
  return {
    answers: seen.length,
    failed,
    longestMs: Math.max(0, ...seen.map(({ startMs, endMs }) => endMs - startMs)),
    healingMs: lastMs - healedMs,
    bare: failed.filter(({ status, retryAfter }) => status !== 503 || retryAfter === undefined),
    cookies: failed.filter(({ setsCookie }) => setsCookie),
  }
}
