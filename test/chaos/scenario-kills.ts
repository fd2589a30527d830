import { setTimeout as sleep } from 'node:timers/promises'
import type { Cleanup } from '../support/redis-server.ts'
import { endBoundMs } from './event-groups.ts'
import type { ChaosUser } from './client.ts'
import type { CommandProxy } from './command-proxy.ts'
import { startCommandProxy } from './command-proxy.ts'
import type { Figures } from './figures.ts'
import { figures } from './figures.ts'
import type { Lane, Struck } from './kill-lane.ts'
import { killOnce, operationLengths } from './kill-lane.ts'
import type { KillPlan } from './kill-plans.ts'
import { killPlans, planName } from './kill-plans.ts'
import type { Chance } from './random.ts'
import { summary } from './scenario-storm.ts'
import type { ChaosWorld } from './world.ts'
import { loginUsers, startWorld } from './world.ts'

export type KillSizes = {
  readonly kills: number
  /** Brokers that are killed, each in its own time; one more is not. */
  readonly lanes: number
  /** Only every so-manieth plan, for a short run over all kinds of them. */
  readonly every: number
}

const lifeMs = 2_000

type Tally = {
  survived: number
  inDoubt: number
  backWithoutForm: number
  readonly faults: string[]
  /** Moments that did not come: the operation was over before. */
  readonly missed: string[]
  /** Of refreshes: how each moment ended. */
  readonly moments: Map<string, string>
}

/** R12, R14: brokers are killed at every step of a login, a refresh and a logout, and started again. */
export const killStorm = async (t: Cleanup, sizes: KillSizes, random: Chance): Promise<Figures> => {
  const proxies: CommandProxy[] = []
  const world = await startWorld(t, {
    brokers: sizes.lanes + 1,
    lifeMs,
    env: { OIDC_TIMEOUT_MS: '3000' },
    redisUrl: async (index, port) => {
      const proxy = await startCommandProxy(t, port)
      proxies[index] = proxy
      return proxy.url
    },
  })
  const startedMs = Date.now()
  const steady = sizes.lanes
  const onRefresh: Lane['onRefresh'] = new Map()
  world.provider.faults.onRefresh = (when, _broker, user) => onRefresh.get(user)?.(when)
  const lanes = await Promise.all(
    proxies.slice(0, steady).map(async (proxy, victim): Promise<Lane> => {
      const users = await loginUsers(world, 10)
      return { world, victim, steady, proxy, users, onRefresh }
    }),
  )
  const tally: Tally = { survived: 0, inDoubt: 0, backWithoutForm: 0, faults: [], missed: [], moments: new Map() } // prettier-ignore
  const bystanders = keepCalling(await loginUsers(world, 5), steady)
  const [first] = lanes
  if (first === undefined) throw new Error('no lane')
  await operationLengths(first)
  // The first time, Redis did not know the scripts yet.
  const lengths = await operationLengths(first)
  const all = killPlans(sizes.kills * sizes.every, lengths, random)
  const plans = all.filter((_, index) => index % sizes.every === 0)
  await Promise.all(lanes.map((lane) => runLane(lane, plans, tally)))
  const disturbed = await bystanders.stop()
  return report(world, startedMs, { tally, disturbed })
}

/** Takes plans until none is left; what becomes of the sessions is found out behind the next kills. */
const runLane = async (lane: Lane, plans: KillPlan[], tally: Tally): Promise<void> => {
  const verdicts: Promise<void>[] = []
  for (let plan = plans.shift(); plan !== undefined; plan = plans.shift()) {
    const struck = await killOnce(lane, plan)
    if (struck === undefined) tally.missed.push(planName(plan))
    if (struck !== undefined) verdicts.push(aftermath(lane, plan, struck, tally))
  }
  await Promise.all(verdicts)
}

const aftermath = async (lane: Lane, plan: KillPlan, struck: Struck, tally: Tally) => {
  for (const user of struck.refreshing) {
    const end = await comesBack(lane, user, tally)
    if (plan.kind !== 'random') tally.moments.set(planName(plan), end)
  }
  if (struck.loggingOut !== undefined) await staysOut(lane, struck.loggingOut, tally)
}

const patienceMs = 25_000

/** A session whose refresh was cut short either lives or is in doubt; in doubt, its person comes back without a form. */
const comesBack = async (lane: Lane, user: ChaosUser, tally: Tally): Promise<string> => {
  const untilMs = Date.now() + patienceMs
  let last = await user.call(lane.steady)
  while (last.status !== 200 && last.status !== 401 && Date.now() < untilMs) {
    await sleep(300)
    last = await user.call(lane.steady)
  }
  if (last.status === 200) tally.survived += 1
  else tally.inDoubt += 1
  if (last.status === 200) {
    lane.users.push(user)
    return 'lives'
  }
  const back = await user.login(lane.steady, lane.steady, last.loginUrl ?? '/none')
  const again = await user.call(lane.steady)
  if (back.status === 303 && again.status === 200) tally.backWithoutForm += 1
  else tally.faults.push(`${user.name}: ${last.status}, login ${back.status}, call ${again.status}`)
  lane.users.push(user)
  return 'in doubt'
}

/** A logout that was cut short may have happened or not; made again, it has. */
const staysOut = async (lane: Lane, user: ChaosUser, tally: Tally): Promise<void> => {
  const cookie = user.cookieHeader()
  await user.logout(lane.steady)
  await sleep(endBoundMs)
  const { status } = await user.call(lane.steady, '/api/orders', cookie)
  if (status !== 401) tally.faults.push(`${user.name}: ${status} after a logout made twice`)
}

/** Users of the broker that nobody kills: they must notice nothing. */
const keepCalling = (users: readonly ChaosUser[], broker: number) => {
  let isOver = false
  const failed: { status: number; code?: string | undefined }[] = []
  const calling = users.map(async (user) => {
    while (!isOver) {
      const answer = await user.call(broker)
      if (answer.status !== 200) failed.push(answer)
      await sleep(50)
    }
  })
  return {
    stop: async () => {
      isOver = true
      await Promise.all(calling)
      return failed
    },
  }
}

const report = (
  world: ChaosWorld,
  startedMs: number,
  run: { tally: Tally; disturbed: { status: number; code?: string | undefined }[] },
): Figures => {
  const { tally, disturbed } = run
  const { reuse, invalidGrants } = world.provider.books.counts
  const { forms } = world.provider.state
  const kills = world.history().kills.length
  return figures('R12 R14 kills', world, startedMs, {
    facts: {
      SIGKILLs: kills,
      'killed while refreshing: lives': tally.survived,
      'killed while refreshing: in doubt': tally.inDoubt,
      'back by prompt=none, without a form': tally.backWithoutForm,
      'calls of bystanders that failed': disturbed.length,
      invalid_grant: invalidGrants,
      reuse,
      ...Object.fromEntries(tally.moments),
    },
    must: [
      [tally.missed.length === 0, `not killed: ${tally.missed.join('; ')}`],
      [tally.faults.length === 0, tally.faults.join('; ')],
      [disturbed.length === 0, `bystanders: ${summary(disturbed)}`],
      [invalidGrants + reuse === 0, `${invalidGrants} invalid_grant, ${reuse} reuse`],
      [forms === 0, `${forms} forms`],
    ],
  })
}
