import { setTimeout as sleep } from 'node:timers/promises'
import type { Cleanup } from '../support/redis-server.ts'
import type { ChaosUser } from './client.ts'
import type { Figures } from './figures.ts'
import { figures } from './figures.ts'
import type { ChaosWorld } from './world.ts'
import { inBatches, loginUsers, startWorld } from './world.ts'

export type StormSizes = {
  readonly brokers: number
  readonly parallel: number
  readonly sessions: number
  readonly expiries: number
  readonly lifeMs: number
  /** Sessions that storm at the same time. */
  readonly width: number
}

/**
 * R12: the token of a session is over, and `brokers × parallel` calls come at once; session after session, expiry after
 * expiry. Every call succeeds, and the provider sees one grant for each expiry.
 */
export const expiryStorm = async (t: Cleanup, sizes: StormSizes): Promise<Figures> => {
  const world = await startWorld(t, { brokers: sizes.brokers, lifeMs: sizes.lifeMs })
  const startedMs = Date.now()
  const users = await loginUsers(world, sizes.sessions)
  const expected = new Map(users.map(({ name }) => [name, 0]))
  for (let round = 0; round < sizes.expiries; round += 1) {
    await inBatches(users, sizes.width, async (user) => {
      await untilOver(world, user)
      expected.set(user.name, (expected.get(user.name) ?? 0) + 1)
      await volley(user, sizes)
    })
  }
  await sleep(500)
  const calls = world.events.filter(({ kind }) => kind === 'call')
  const failed = calls.filter(({ status }) => status !== 200)
  const { grants, invalidGrants, reuse } = world.provider.books.counts
  const uneven = world.provider.books.all.filter(
    ({ user, grants: own }) => own !== expected.get(user),
  )
  const expiries = [...expected.values()].reduce((sum, one) => sum + one, 0)
  return figures('R12 expiry storm', world, startedMs, {
    facts: {
      ...sizes,
      calls: calls.length,
      expiries,
      grants,
      invalid_grant: invalidGrants,
      reuse,
      'failed calls': failed.length,
      'calls per second': Math.round((calls.length / (Date.now() - startedMs)) * 1_000),
    },
    must: [
      [grants === expiries && uneven.length === 0, `${grants} grants for ${expiries} expiries`],
      [invalidGrants + reuse === 0, `${invalidGrants} invalid_grant, ${reuse} reuse`],
      [failed.length === 0, `failed calls: ${summary(failed)}`],
    ],
  })
}

const volley = async (user: ChaosUser, { brokers, parallel }: StormSizes): Promise<void> => {
  await Promise.all(
    Array.from({ length: brokers * parallel }, (_, index) => user.call(index % brokers)),
  )
}

/** Waits until the user's newest access token is over, for every broker's view of it. */
export const untilOver = async (world: ChaosWorld, user: ChaosUser): Promise<void> => {
  const family = world.provider.books.all.findLast((one) => one.user === user.name)
  const leftMs = (family?.access.expiresMs ?? 0) + 250 - Date.now()
  if (leftMs > 0) await sleep(leftMs)
}

/** Statuses and codes with their numbers, for a message. */
export const summary = (events: readonly { status: number; code?: string | undefined }[]) => {
  const counts = new Map<string, number>()
  for (const { status, code } of events) {
    const key = `${status} ${code ?? ''}`.trim()
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return [...counts].map(([key, count]) => `${count} × ${key}`).join(', ')
}
