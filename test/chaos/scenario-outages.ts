import { setTimeout as sleep } from 'node:timers/promises'
import type { Cleanup } from '../support/redis-server.ts'
import type { Figures } from './figures.ts'
import { figures } from './figures.ts'
import type { RefreshFault } from './provider.ts'
import type { Chance } from './random.ts'
import { summary } from './scenario-storm.ts'
import type { Window } from './traffic.ts'
import { steadyTraffic, windowFacts } from './traffic.ts'
import type { ChaosWorld } from './world.ts'
import { loginUsers, startWorld } from './world.ts'

export type OutageSizes = {
  readonly brokers: number
  readonly users: number
  readonly outMs: number
  /** On top of the promises, for a machine that does other things too. */
  readonly slackMs: number
}

const lifeMs = 2_000
const pauseMs = 50
/** The longest rest of the circuit breaker, one probe, and a little. */
const healMs = 13_000

/** R14: the provider refuses connections, answers 429 and 503, is away while a broker starts, and changes its keys. */
export const providerOutages = async (
  t: Cleanup,
  sizes: OutageSizes,
  random: Chance,
): Promise<Figures> => {
  const world = await startWorld(t, { brokers: sizes.brokers, lifeMs, providerIsDown: true })
  const startedMs = Date.now()
  const early = await world.newUser().login(0, 0)
  await world.provider.up()
  const users = await loginAfterOutage(world, sizes.users)
  const logins = world.provider.books.all.length
  const traffic = steadyTraffic(users, sizes.brokers, random, pauseMs)
  const windows = await allOutages(world, sizes)
  await traffic.stop()
  const last = await Promise.all(users.map((user) => user.call(random.below(sizes.brokers))))
  const newcomer = await world.newUser().login(0, sizes.brokers - 1)
  const seen = windows.map((window) => ({ ...window, ...windowFacts(world.events, window) }))
  const failed = seen.flatMap((window) => window.failed)
  const other = failed.filter(
    ({ code, retryAfter, status }) =>
      status !== 0 && (code !== 'idp_unavailable' || retryAfter === undefined),
  )
  const most = users.length / 4
  const { reuse, invalidGrants } = world.provider.books.counts
  return figures('R14 provider outages', world, startedMs, {
    facts: {
      ...sizes,
      ...Object.fromEntries(seen.flatMap(windowLines)),
      'the same refresh token sent again and taken': sentAgain(world),
      'sessions that live in the end': last.filter(({ status }) => status === 200).length,
      invalid_grant: invalidGrants,
      reuse,
    },
    must: [
      [early.status === 503, `login without provider: ${early.status}`],
      [other.length === 0, `refused otherwise: ${summary(other)}`],
      // The broker that is killed here may have been at a refresh; the checker wants that cause for each 401.
      [last.every(({ status }) => status === 200 || status === 401), `in the end: ${summary(last)}`], // prettier-ignore
      [last.filter(({ status }) => status === 401).length <= most, `in the end: ${summary(last)}`],
      [newcomer.status === 303, `a new login: ${newcomer.status}`],
      [world.provider.books.all.length === logins + 1, 'somebody had to log in again'],
      [invalidGrants + reuse === 0, `${invalidGrants} invalid_grant, ${reuse} reuse`],
      [sentAgain(world) > 0, 'no refresh token was sent again after a refusal'],
      ...seen.map(spared(sizes)),
      ...seen.map(({ name, healingMs }) => [healingMs <= healMs + sizes.slackMs, `${name}: healed after ${healingMs} ms`] as const), // prettier-ignore
    ],
  })
}

type Outage = Window & { readonly tokenRequests: number }
type SeenOutage = Outage & ReturnType<typeof windowFacts>

const allOutages = async (world: ChaosWorld, { outMs }: OutageSizes): Promise<Outage[]> => {
  const { provider } = world
  const answering = (fault: RefreshFault) => () => {
    provider.faults.answer = () => fault
    return Promise.resolve()
  }
  const calm = () => Promise.resolve(void provider.calmDown())
  const whileAway = async () => {
    await provider.down()
    await world.kill(0)
    await world.broker(0).start()
  }
  return [
    await outage(world, outMs, { name: '503', harm: answering(503), heal: calm }),
    await outage(world, outMs, { name: '429 with Retry-After', harm: answering(429), heal: calm }),
    await outage(world, outMs, { name: 'connections refused', harm: provider.down, heal: provider.up }), // prettier-ignore
    await outage(world, outMs, { name: 'away while a broker starts', harm: whileAway, heal: provider.up }), // prettier-ignore
    await outage(world, lifeMs, { name: 'keys changed', harm: provider.keys.replace, heal: calm }),
  ]
}

type Harm = {
  readonly name: string
  readonly harm: () => Promise<void>
  readonly heal: () => Promise<void>
}

const outage = async (
  world: ChaosWorld,
  outMs: number,
  { name, harm, heal }: Harm,
): Promise<Outage> => {
  // prettier-ignore
  const { state } = world.provider
  const brokenMs = Date.now()
  await harm()
  const before = state.tokenRequests
  await sleep(outMs)
  const tokenRequests = state.tokenRequests - before
  const healedMs = Date.now()
  await heal()
  await untilQuiet(world)
  return { name, brokenMs, healedMs, overMs: Date.now(), tokenRequests }
}

/** Until nobody has failed for as long as a token lives, but not for ever. */
const untilQuiet = async ({ events }: ChaosWorld): Promise<void> => {
  const untilMs = Date.now() + healMs + 2_000
  while (Date.now() < untilMs) {
    await sleep(250)
    const sinceMs = Date.now() - lifeMs - 500
    const isQuiet = !events.some(
      ({ endMs, status }) => endMs > sinceMs && status !== 200 && status !== 401,
    )
    if (isQuiet) return
  }
}

/** A provider that is down is asked by each broker: by what was on its way, up to five times more, then once a second. */
const spared =
  ({ brokers, users, outMs, slackMs }: OutageSizes) =>
  ({ name, tokenRequests }: Outage): readonly [boolean, string] => {
    const most = brokers * (5 + (outMs + slackMs) / 1_000) + users
    const isOutage = name === '503' || name.startsWith('429')
    return [!isOutage || tokenRequests <= most, `${name}: ${tokenRequests} token requests`]
  }

const windowLines = (seen: SeenOutage): [string, string | number][] => [
  [`${seen.name}: calls`, seen.answers],
  [`${seen.name}: answers that were no 200`, summary(seen.failed)],
  [`${seen.name}: token requests meanwhile`, seen.tokenRequests],
  [`${seen.name}: last failure after healing, ms`, seen.healingMs],
]

const sentAgain = ({ provider }: ChaosWorld): number => {
  const refused = new Set<string>()
  let count = 0
  for (const { token, outcome } of provider.books.sendings) {
    if (outcome === 'refused') refused.add(token)
    if (outcome === 'rotated' && refused.has(token)) count += 1
  }
  return count
}

/** The first login after an outage may still be told to wait. */
const loginAfterOutage = async (world: ChaosWorld, count: number) => {
  for (let attempt = 0; ; attempt += 1)
    try {
      return await loginUsers(world, count)
    } catch (error) {
      if (attempt > 10) throw error
      await sleep(500)
    }
}
