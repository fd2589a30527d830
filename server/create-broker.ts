import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { calmLog } from './core/calm-log.ts'
import { systemClock } from './core/clock.ts'
import { silentLog } from './core/log.ts'
import { systemRandom } from './core/random.ts'
import { forwardAuth } from './forward-auth/forward-auth.ts'
import type { Next } from './front-door.ts'
import { frontDoor } from './front-door.ts'
import { entrances } from './http/entrances.ts'
import { placeFault } from './http/mount-fault.ts'
import { providerFetch } from './oidc/provider-fetch.ts'
import type { RedisSettings } from './config/config.ts'
import type { Clock } from './core/clock.ts'
import type { Log } from './core/log.ts'
import type { Backend } from './session/backend.ts'
import { memoryBackend } from './session/memory-backend.ts'
import { redisBackend } from './session/redis-backend.ts'
import { connectRedis } from './session/redis-client.ts'
import type { BrokerConfig } from './config/ready-config.ts'
import type { Powers } from './foundations.ts'
import { usualStreaming } from './foundations.ts'
import type { House } from './house.ts'
import { refusesSpoilt } from './http/order-guard.ts'
import { removedTenants } from './tenants/removed-tenants.ts'
import type { Lasting, Tenancy } from './wire-tenants.ts'
import { lastingParts, leftBy, tenancies } from './wire-tenants.ts'

export type Broker = {
  /**
   * Handles a request. In someone else's Express app (`app.use(broker.handler)`, before body parsers and sessions, at
   * the root) it takes its own endpoints and the configured routes, and leaves the rest to `next`; without `next` it
   * serves the app's files too.
   */
  readonly handler: (req: IncomingMessage, res: ServerResponse, next?: Next) => void
  /** For the server's `checkContinue` event: an upload that would be refused is then never sent. */
  readonly checkContinue: (req: IncomingMessage, res: ServerResponse) => void
  /** For the server's `upgrade` event; what is no WebSocket of a route is refused, so ask yours first. */
  readonly upgrade: (req: IncomingMessage, socket: Duplex, head: Buffer) => void
  /** Tells load balancers to look elsewhere; what is under way goes on. */
  readonly drain: () => void
  /** Ends all WebSockets that are open now with close 1001, so that their clients go elsewhere: some time after `drain`. */
  readonly goAway: () => void
  /**
   * Other tenants and routes from now on; what is open or under way goes on by the old ones. Resolves when the sessions of tenants
   * that are no more have ended, or the store has failed to; then they are over here all the same, and it is tried again.
   */
  readonly reload: (config: BrokerConfig) => Promise<void>
  /** Waits for refreshes and revocations under way, then lets go of the store and all connections. */
  readonly close: () => Promise<void>
}

/** A whole broker without a process around it: mount it in any Node HTTP server or Express app. */
export const createBroker = (config: BrokerConfig, overrides: Partial<Powers> = {}): Broker => {
  let draining = false
  const clock = overrides.clock ?? systemClock
  const log = calmLog(overrides.log ?? silentLog, clock)
  const powers: Powers = {
    clock,
    log,
    random: overrides.random ?? systemRandom,
    backend: overrides.backend ?? backendFor(config.redis, clock, log),
    providerFetch: overrides.providerFetch ?? providerFetch(),
    draining: () => draining,
    streaming: overrides.streaming ?? usualStreaming,
  }
  const lasting = lastingParts(config, powers)
  const houses = changingTenants(config, powers, lasting)
  return {
    handler: (req, res, next) => {
      const fault = placeFault(req)
      if (fault === undefined)
        return houses.door().handle(req, res, { awaitsContinue: false, next })
      if (next === undefined) throw new TypeError(fault)
      next(new TypeError(fault))
    },
    checkContinue: (req, res) => houses.door().handle(req, res, { awaitsContinue: true }),
    upgrade: (req, socket, head) => houses.door().upgrade(req, socket, head),
    drain: () => {
      draining = true
    },
    goAway: lasting.tunnels.goAway,
    reload: houses.change,
    close: async () => {
      draining = true
      // A grant that hangs must not keep them open.
      lasting.tunnels.close()
      await houses.settled()
      lasting.streams.close()
      const { providerFetch: provider, backend } = powers
      await Promise.all([lasting.upstream.close(), provider.close(), backend.close()])
    },
  }
}

/** The tenants of the settings as they stand; those before are there until what they began has ended. */
const changingTenants = (config: BrokerConfig, powers: Powers, lasting: Lasting) => {
  const removed = removedTenants(powers)
  const tenancyOf = tenancies({ ...powers, overBeforeMs: removed.overBeforeMs }, lasting)
  const open = (settings: BrokerConfig, before?: Tenancy) => {
    const tenancy = tenancyOf(settings, before)
    return { tenancy, door: doorOf(tenancy, settings, powers) }
  }
  let now = open(config)
  const leaving = new Set<Promise<void>>()
  const leave = async (left: House): Promise<void> => {
    const retired = left.retire().finally(() => leaving.delete(retired))
    leaving.add(retired)
    await retired
  }
  return {
    door: () => now.door,
    settled: async (): Promise<void> => {
      await removed.stop()
      const standing = now.tenancy.houses.map(({ furnished }) => furnished()?.settled())
      await Promise.all([...standing, ...leaving])
    },
    change: async (settings: BrokerConfig): Promise<void> => {
      const { tenancy: before } = now
      now = open(settings, before)
      const { replaced, gone } = leftBy(before, now.tenancy)
      for (const one of replaced) void leave(one)
      await removed.end(
        gone.map((one) => ({
          tenant: one.place.tenant.id,
          endAll: (beforeMs) => one.rooms().endAllSessions(beforeMs),
          leave: () => leave(one),
        })),
      )
    },
  }
}

/** The front door with all that is behind it, closed to a request that an embedding app has spoilt. */
const doorOf = ({ doors, reply }: Tenancy, config: BrokerConfig, powers: Powers) => {
  const { log } = powers
  const found = entrances(doors, config.origin)
  const asked = forwardAuth({ log, reply, secret: config.forwardAuthSecret, entrances: found })
  const refuses = refusesSpoilt(log, reply)
  return frontDoor({
    ...powers,
    reply,
    entrances: found,
    forwardAuth: {
      isAsked: asked.isAsked,
      answer: async (req, res) => {
        if (!refuses(req, res)) await asked.answer(req, res)
      },
    },
  })
}

const backendFor = (redis: RedisSettings | undefined, clock: Clock, log: Log): Backend => {
  if (redis === undefined) return memoryBackend({ clock })
  const client = connectRedis(redis, (err) => log.warn({ err }, 'redis connection'))
  return redisBackend({ client, prefix: redis.prefix, clock, log })
}
