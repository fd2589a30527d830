import { randomBytes } from 'node:crypto'
import type { Cleanup, RedisServer } from '../support/redis-server.ts'
import { freePort, startRedis } from '../support/redis-server.ts'
import { startBroker } from './broker-process.ts'
import type { ChaosUser } from './client.ts'
import { chaosUser, clientPools } from './client.ts'
import type { Violation } from './checker.ts'
import { check } from './checker.ts'
import type { Event, History, Kill, Life, Look, Trust } from './history.ts'
import { historyMs } from './history.ts'
import { chaosClient, startProvider } from './provider.ts'
import { startApi } from './upstream.ts'

export type WorldOptions = {
  readonly brokers: number
  /** Life of an access token; whole seconds. */
  readonly lifeMs: number
  readonly env?: Readonly<Record<string, string>>
  /** Where a broker finds Redis, when not at the world's own. */
  readonly redisUrl?: (index: number, port: number) => Promise<string>
  readonly providerIsDown?: boolean
  /** When sessions come to their deadlines in the course of it. */
  readonly life?: Life
  /** Filled by whoever sits between the brokers and Redis. */
  readonly looks?: readonly Look[]
}

/** N brokers as processes, and everything around them: one Redis, one strict provider, one API, and clients. */
export const startWorld = async (t: Cleanup, options: WorldOptions) => {
  const redis = await startRedis(t, ['--save', '', '--appendonly', 'yes'])
  const provider = await startProvider(t, options.lifeMs)
  if (options.providerIsDown === true) await provider.down()
  const api = await startApi(t, provider.books)
  const ports = await Promise.all(Array.from({ length: options.brokers }, freePort))
  const host = `localhost:${ports[0] ?? 0}`
  const logs = brokerLogs()
  const shared = sharedEnv(host, provider.issuer, api.origin)
  const brokers = await Promise.all(
    ports.map(async (port, index) => {
      const env = {
        ...shared,
        OIDC_DISCOVERY_URL: `${provider.issuer}/${index}/.well-known/openid-configuration`,
        REDIS_URL: (await options.redisUrl?.(index, redis.port)) ?? redis.url,
        ...options.env,
      }
      return await startBroker(t, { index, port, env, onLog: logs.add })
    }),
  )
  const events: Event[] = []
  const kills: Kill[] = []
  const looks = options.looks ?? []
  const trust: Trust[] = []
  const pools = clientPools({ host, issuer: provider.issuer, brokers })
  t.after(pools.close)
  const note = (event: Event) => void events.push(event)
  const history = (): History => ({
    events,
    sightings: api.sightings,
    sendings: provider.books.sendings,
    kills,
    cuts: provider.cuts,
    looks,
    trust,
    life: options.life,
  })
  let count = 0
  return {
    redis,
    provider,
    api,
    brokers,
    events,
    looks,
    trust,
    logs,
    history,
    broker: (index: number) => {
      const broker = brokers[index]
      if (broker === undefined) throw new Error(`no broker ${index}`)
      return broker
    },
    kill: async (index: number): Promise<void> => {
      const killing = brokers[index]?.kill()
      kills.push({ broker: index, atMs: historyMs() })
      await killing
    },
    newUser: (): ChaosUser => {
      count += 1
      return chaosUser(pools, `user-${count}`, note)
    },
    violations: (): readonly Violation[] => check(history()),
  }
}

export type ChaosWorld = Awaited<ReturnType<typeof startWorld>>

const sharedEnv = (host: string, issuer: string, upstream: string) => ({
  BASE_URL: `http://${host}`,
  OIDC_ISSUER: issuer,
  OIDC_CLIENT_ID: chaosClient.id,
  OIDC_CLIENT_SECRET: chaosClient.secret,
  SESSION_SECRET: randomBytes(32).toString('base64url'),
  SESSION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
  UPSTREAM: upstream,
  REFRESH_AHEAD_SECONDS: '1',
  LOG_LEVEL: 'warn',
  LOG_FORMAT: 'json',
})

/** What the brokers complained of: how often, and the last lines. */
const brokerLogs = () => {
  const counts = new Map<string, number>()
  const lines: string[] = []
  return {
    counts,
    lines,
    add: (index: number, line: string): void => {
      lines.push(`${index} ${line}`)
      if (lines.length > 2_000) lines.shift()
      const message = /"msg":"([^"]*)"/.exec(line)?.[1] ?? line.slice(0, 80)
      counts.set(message, (counts.get(message) ?? 0) + 1)
    },
  }
}

/** Logs in so many users, some at a time, at all brokers or at one. */
export const loginUsers = async (
  world: ChaosWorld,
  count: number,
  broker?: number,
): Promise<ChaosUser[]> => {
  const users = Array.from({ length: count }, world.newUser)
  const n = world.brokers.length
  await inBatches(users, 16, async (user, index) => {
    const { status } = await user.login(broker ?? index % n, broker ?? (index + 1) % n)
    if (status === 303 && user.hasSession()) return
    throw new Error(`login failed: ${status}\n${world.logs.lines.slice(-3).join('\n')}`)
  })
  return users
}

/** Runs a piece of work for each, `width` of them at once. */
export const inBatches = async <T>(
  all: readonly T[],
  width: number,
  work: (one: T, index: number) => Promise<unknown>,
): Promise<void> => {
  const queue = [...all.entries()]
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift())
      await work(next[1], next[0])
  }
  await Promise.all(Array.from({ length: Math.min(width, all.length) }, worker))
}

/** What ends a run of scenarios, in the order of node:test: the last registered first. */
export const cleanupStack = (): Cleanup & { readonly end: () => Promise<void> } => {
  const ends: (() => Promise<void>)[] = []
  return {
    after: (end) => void ends.push(end),
    end: async () => {
      for (const end of ends.splice(0).reverse()) await end().catch(() => undefined)
    },
  }
}

export type { RedisServer }
