import { Agent } from 'undici'
import type { Route } from '../config/config.ts'
import type { HealthDeps, UpstreamHealth } from './upstream-health.ts'
import { upstreamConnector } from './upstream-connector.ts'
import { upstreamHealth } from './upstream-health.ts'

export type Upstreams = {
  readonly agent: (route: Route) => Agent
  /** The next upstream of the route, in turn, of those that are well; any of them when none is. */
  readonly pick: (route: Route, repeatable: boolean) => string
  /**
   * Where to send a call again after an upstream failed: to another that is well, else to the next in turn. After a wait
   * that was in vain, only to one that is well: a caller waits once.
   */
  readonly after: (
    route: Route,
    failure: { readonly origin: string; readonly waited: boolean },
  ) => string | undefined
  readonly health: Pick<UpstreamHealth, 'isWell' | 'failed' | 'worked'>
  readonly close: () => Promise<void>
}

/** Shorter than the usual 5 s of a Node upstream, so that a socket is not written to while it closes. */
const keepAliveMs = 4_000

/** Keep-alive connections to the upstreams, and which of them to go to. */
export const upstreams = (deps: HealthDeps): Upstreams => {
  const pools = agents()
  const health = upstreamHealth(deps)
  const turns = new WeakMap<Route, number>()
  return {
    agent: pools.of,
    pick: (route, repeatable) => {
      const { upstreams: all } = route
      const [only] = all
      if (only === undefined) throw new RangeError(`route ${route.path} has no upstream`)
      if (all.length === 1) return only
      const turn = turns.get(route) ?? 0
      const call = { repeatable, holdMs: route.timeoutMs.connect }
      const steps = health.allWell() ? 0 : stepsTo(all, turn, (one) => health.takes(one, call))
      turns.set(route, (turn + steps + 1) % all.length)
      return all[(turn + steps) % all.length] ?? only
    },
    after: ({ upstreams: all }, { origin, waited }) => {
      const next = all.indexOf(origin) + 1
      const steps = stepsTo(all, next, health.isWell)
      const found = all[(next + steps) % all.length]
      return found === undefined || (waited && !health.isWell(found)) ? undefined : found
    },
    health,
    close: pools.close,
  }
}

/** How far from the turn the first fitting one stands; 0 when none fits. */
const stepsTo = (
  all: readonly string[],
  turn: number,
  fits: (origin: string) => boolean,
): number => {
  const steps = all.findIndex((_, i) => {
    const origin = all[(turn + i) % all.length]
    return origin !== undefined && fits(origin)
  })
  return Math.max(steps, 0)
}

/** One pool for each way to connect that is in use. */
const agents = () => {
  const byRoute = new WeakMap<Route, Agent>()
  const byOptions = new Map<string, Agent>()
  const make = (route: Route): Agent => {
    const options = { connectMs: route.timeoutMs.connect, ca: route.tls?.ca }
    const overTls = route.upstreams.some((origin) => origin.startsWith('https:'))
    const key = JSON.stringify([options, overTls])
    const agent =
      byOptions.get(key) ??
      new Agent({
        connect: upstreamConnector(options),
        keepAliveTimeout: keepAliveMs,
        // Else a pool would wait for the first connection to say whether it speaks HTTP/2.
        ...(overTls && { allowH2: false }),
      })
    byOptions.set(key, agent)
    byRoute.set(route, agent)
    return agent
  }
  return {
    of: (route: Route): Agent => byRoute.get(route) ?? make(route),
    close: async () => {
      await Promise.all([...byOptions.values()].map((agent) => agent.destroy()))
    },
  }
}
