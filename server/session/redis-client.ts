import type { RedisSettings } from '../config/config.ts'
import { Cluster, Redis } from 'ioredis'
import { bareError } from './redis-error.ts'

/** A connection to one node, to the master that the Sentinels name, or to a Cluster. */
export type RedisClient = Redis | Cluster

const retryMs = (times: number): number => Math.min(times * 100, 1_000)

/**
 * What every connection has. Each default that it replaces makes a call hang, or a command run twice.
 * - commandTimeout: an answer within 1 s, or an error (ioredis waits for ever).
 * - maxRetriesPerRequest 0: a lost connection fails what was in flight at once. Any other number sends it again
 *   after the reconnect: a login taken or a lock got by the first sending would look like someone else's.
 * - socketTimeout: a hung Redis or a dead network path closes nothing, so we do.
 * - disconnectTimeout, maxLoadingRetryTime: 2 s and 10 s in ioredis, before it tries again.
 * - autoResubscribe off: ioredis subscribes again where nobody hears of a failure, and a connection that is lost at that
 *   moment ends the process. Who subscribes does it at each `ready`.
 * - protocol 2: no HELLO, which older and managed servers refuse.
 */
const common = {
  commandTimeout: 1_000,
  connectTimeout: 1_500,
  socketTimeout: 1_500,
  disconnectTimeout: 500,
  maxLoadingRetryTime: 500,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  disableClientInfo: true,
  protocol: 2,
  // After a failover the old master answers READONLY: leave it. Lua errors carry the word further back.
  reconnectOnError: (error: Error) => error.message.includes('READONLY'),
} as const

/**
 * A Redis client that fails each command within 2 s while Redis is down or frozen, and heals by itself.
 * `onError` hears of lost connections; no error carries a password.
 */
export const connectRedis = (
  settings: RedisSettings,
  onError: (error: Error) => void,
): RedisClient => {
  const client = open(settings)
  client.on('error', (error: unknown) => onError(bareError(error)))
  return client
}

/** One more connection like this one; lost connections are for the first to report. */
export const anotherConnection = (client: RedisClient): RedisClient => {
  const another = client instanceof Cluster ? client.duplicate() : client.duplicate()
  another.on('error', () => undefined)
  return another
}

const open = (settings: RedisSettings): RedisClient => {
  const defaultPort = settings.sentinel === undefined ? 6_379 : 26_379
  const nodes = settings.nodes.reveal().map((url) => parseNode(url, defaultPort))
  const first = nodes[0]
  if (first === undefined) throw new Error('no Redis node is configured')
  const tls = first.tls ? { tls: tlsOptions(settings) } : {}
  const { db, username, password } = first
  const options = { ...common, ...tls, username, password }
  if (settings.sentinel !== undefined)
    return openSentinel(settings.sentinel.name, nodes, { ...options, db })
  if (nodes.length > 1) return openCluster(nodes, options)
  const { host, port } = first
  return new Redis({ ...options, db, host, port, retryStrategy: retryMs })
}

type Options = typeof common & {
  readonly username: string | undefined
  readonly password: string | undefined
  readonly tls?: ReturnType<typeof tlsOptions>
}

/** User and password are those of the Redis nodes; Sentinels are asked without. */
const openSentinel = (
  name: string,
  nodes: readonly RedisNode[],
  options: Options & { readonly db: number },
): Redis =>
  new Redis({
    ...options,
    ...(options.tls && { sentinelTLS: options.tls, enableTLSForSentinelMode: true }),
    name,
    sentinels: nodes.map(({ host, port }) => ({ host, port })),
    sentinelCommandTimeout: common.commandTimeout,
    sentinelRetryStrategy: retryMs,
    retryStrategy: retryMs,
  })

const openCluster = (nodes: readonly RedisNode[], redisOptions: Options): Cluster =>
  new Cluster(
    nodes.map(({ host, port }) => ({ host, port })),
    {
      redisOptions,
      clusterRetryStrategy: retryMs,
      slotsRefreshTimeout: 1_000,
      // At most once here too: 0 means that what a dying node may have run is not sent again.
      retryDelayOnFailover: 0,
      // Keep the name: a certificate is for the name, not for the address behind it.
      dnsLookup: (address, callback) => callback(null, address),
    },
  )

type RedisNode = {
  readonly host: string
  readonly port: number
  readonly username: string | undefined
  readonly password: string | undefined
  readonly db: number
  readonly tls: boolean
}

const parseNode = (text: string, defaultPort: number): RedisNode => {
  const url = new URL(text)
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? defaultPort : Number(url.port),
    username: decodeURIComponent(url.username) || undefined,
    password: decodeURIComponent(url.password) || undefined,
    db: Number(url.pathname.slice(1)),
    tls: url.protocol === 'rediss:',
  }
}

const tlsOptions = ({ ca, tlsVerify }: RedisSettings) => ({
  ...(ca !== undefined && { ca }),
  rejectUnauthorized: tlsVerify,
})
