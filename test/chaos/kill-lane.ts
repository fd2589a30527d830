import { once, EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ChaosUser } from './client.ts'
import type { CommandProxy } from './command-proxy.ts'
import type { KillPlan, Lengths } from './kill-plans.ts'
import { untilOver } from './scenario-storm.ts'
import type { ChaosWorld } from './world.ts'
import { loginUsers } from './world.ts'

/** One broker that is killed again and again, its own way to Redis, and a broker that nobody kills. */
export type Lane = {
  readonly world: ChaosWorld
  readonly victim: number
  readonly steady: number
  readonly proxy: CommandProxy
  /** Users whose tokens this lane may let run out. */
  readonly users: ChaosUser[]
  /** What the provider does when a refresh of this user comes in. */
  readonly onRefresh: Map<string, (when: 'received' | 'committed') => Promise<void>>
}

/** The users whose sessions the killed broker may have been working on. */
export type Struck = { readonly refreshing: readonly ChaosUser[]; readonly loggingOut?: ChaosUser }

const nextUser = async ({ users, world, steady }: Lane): Promise<ChaosUser> => {
  const user = users.shift() ?? (await loginUsers(world, 1, steady))[0]
  if (user === undefined) throw new Error('no user')
  return user
}

/** How many Redis commands each operation takes, by doing it once in peace. */
export const operationLengths = async (lane: Lane): Promise<Lengths> => {
  const { proxy, victim, world } = lane
  const counted = async (work: () => Promise<unknown>) => {
    proxy.disarm()
    await work()
    await sleep(100)
    return proxy.count()
  }
  const user = await nextUser(lane)
  await untilOver(world, user)
  const refresh = await counted(() => user.call(victim))
  const logout = await counted(() => user.logout(victim))
  const login = await counted(() => user.login(victim, victim))
  lane.users.push(user)
  return { refresh, login, logout }
}

/** Kills the lane's broker as planned and starts it again; undefined when the moment did not come. */
export const killOnce = async (lane: Lane, plan: KillPlan): Promise<Struck | undefined> => {
  const { world, victim } = lane
  const struck = await strike(lane, plan)
  lane.proxy.disarm()
  if (struck === undefined) return undefined
  await world.broker(victim).start()
  return struck
}

const strike = (lane: Lane, plan: KillPlan): Promise<Struck | undefined> => {
  switch (plan.kind) {
    case 'command':
      return atCommand(lane, plan)
    case 'provider':
      return atProvider(lane, plan.when)
    case 'random':
      return atRandom(lane, plan.afterMs)
  }
}

/** Resolves with true once the broker is dead, with false when all is done and nothing has struck. */
const killer = ({ world, victim }: Lane) => {
  const bell = new EventEmitter()
  const dead = once(bell, 'dead').then(() => true)
  return {
    kill: async () => {
      await world.kill(victim)
      bell.emit('dead')
    },
    deadBefore: (work: Promise<unknown>) =>
      Promise.race([dead, work.then(() => sleep(500, false))]),
  }
}

const atCommand = async (
  lane: Lane,
  { op, kth, when }: Extract<KillPlan, { kind: 'command' }>,
): Promise<Struck | undefined> => {
  const { world, victim, proxy } = lane
  const user = op === 'login' ? world.newUser() : await nextUser(lane)
  if (op === 'refresh') await untilOver(world, user)
  const death = killer(lane)
  proxy.arm(kth, when, () => void death.kill())
  const work = { login: () => user.login(victim, victim), refresh: () => user.call(victim), logout: () => user.logout(victim) }[op]() // prettier-ignore
  const isDead = await death.deadBefore(work)
  if (!isDead) return undefined
  await work
  if (op === 'logout') return { refreshing: [], loggingOut: user }
  return { refreshing: op === 'refresh' ? [user] : [] }
}

const atProvider = async (
  lane: Lane,
  when: 'received' | 'committed',
): Promise<Struck | undefined> => {
  const user = await nextUser(lane)
  await untilOver(lane.world, user)
  const death = killer(lane)
  lane.onRefresh.set(user.name, async (now) => {
    if (now === when) await death.kill()
  })
  const work = user.call(lane.victim)
  const isDead = await death.deadBefore(work)
  lane.onRefresh.delete(user.name)
  await work
  return isDead ? { refreshing: [user] } : undefined
}

const sessionsAtOnce = 5

/** Some sessions whose tokens are over call in parallel; the end comes somewhere in between. */
const atRandom = async (lane: Lane, afterMs: number): Promise<Struck> => {
  const users = await Promise.all(Array.from({ length: sessionsAtOnce }, () => nextUser(lane)))
  const calls = users.map(async (user) => {
    await untilOver(lane.world, user)
    await Promise.all(Array.from({ length: 4 }, () => user.call(lane.victim)))
  })
  await sleep(afterMs)
  await lane.world.kill(lane.victim)
  await Promise.all(calls)
  return { refreshing: users }
}
