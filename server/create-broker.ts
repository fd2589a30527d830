import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { createApp, createSite } from './app.ts'
import { systemClock } from './core/clock.ts'
import { silentLog } from './core/log.ts'
import { systemRandom } from './core/random.ts'
import type { Next } from './front-door.ts'
import { frontDoor } from './front-door.ts'
import { providerFetch } from './oidc/provider-fetch.ts'
import { hotPath, upgradePath } from './proxy/hot-path.ts'
import type { RedisSettings } from './config/config.ts'
import type { Clock } from './core/clock.ts'
import type { Log } from './core/log.ts'
import type { Backend } from './session/backend.ts'
import { memoryBackend } from './session/memory-backend.ts'
import { redisBackend } from './session/redis-backend.ts'
import { connectRedis } from './session/redis-client.ts'
import type { Powers, ReadyConfig } from './foundations.ts'
import { wire } from './wire.ts'

export type Broker = {
  /**
   * Handles a request. In someone else's Express app (`app.use(broker.handler)`) it takes its own endpoints and the
   * configured routes, and leaves the rest to `next`; without `next` it serves the app's files too.
   */
  readonly handler: (req: IncomingMessage, res: ServerResponse, next?: Next) => void
  /** For the server's `checkContinue` event: an upload that would be refused is then never sent. */
  readonly checkContinue: (req: IncomingMessage, res: ServerResponse) => void
  /** For the server's `upgrade` event. */
  readonly upgrade: (req: IncomingMessage, socket: Duplex, head: Buffer) => void
  /** Tells load balancers to look elsewhere; what is under way goes on. */
  readonly drain: () => void
  /** Waits for refreshes and revocations under way, then lets go of the store and all connections. */
  readonly close: () => Promise<void>
}

/** A whole broker without a process around it: mount it in any Node HTTP server or Express app. */
export const createBroker = (config: ReadyConfig, overrides: Partial<Powers> = {}): Broker => {
  let draining = false
  const clock = overrides.clock ?? systemClock
  const log = overrides.log ?? silentLog
  const powers: Powers = {
    clock,
    log,
    random: overrides.random ?? systemRandom,
    backend: overrides.backend ?? backendFor(config.redis, clock, log),
    providerFetch: overrides.providerFetch ?? providerFetch(),
    draining: () => draining,
  }
  const rooms = wire(config, powers)
  const app = createApp(rooms, config)
  const door = frontDoor({
    ...powers,
    reply: rooms.proxy.reply,
    origin: config.origin,
    routeFor: rooms.routes,
    proxied: hotPath(rooms.proxy),
    upgraded: upgradePath(rooms.proxy),
    app,
    site: createSite(rooms),
  })
  return {
    handler: (req, res, next) => door.handle(req, res, { awaitsContinue: false, next }),
    checkContinue: (req, res) => door.handle(req, res, { awaitsContinue: true }),
    upgrade: door.upgrade,
    drain: () => {
      draining = true
    },
    close: async () => {
      draining = true
      await rooms.settled()
      await rooms.close()
    },
  }
}

const backendFor = (redis: RedisSettings | undefined, clock: Clock, log: Log): Backend => {
  if (redis === undefined) return memoryBackend({ clock })
  const client = connectRedis(redis, (err) => log.warn({ err }, 'redis connection'))
  return redisBackend({ client, prefix: redis.prefix, clock, log })
}
