import { Agent } from 'undici'
import type { Route } from '../config/config.ts'
import { upstreamConnector } from './upstream-connector.ts'

export type Upstreams = {
  readonly agent: (route: Route) => Agent
  /** The next upstream of the route, in turn. */
  readonly pick: (route: Route) => string
  /** The one after an upstream that failed; itself where it is alone. */
  readonly after: (route: Route, failed: string) => string
  readonly close: () => Promise<void>
}

/** Shorter than the usual 5 s of a Node upstream, so that a socket is not written to while it closes. */
const keepAliveMs = 4_000

/** Keep-alive connections to the upstreams; one pool for each connect timeout in use. */
export const upstreams = (): Upstreams => {
  const agents = new Map<number, Agent>()
  const turns = new WeakMap<Route, number>()
  return {
    agent: (route) => {
      const connectMs = route.timeoutMs.connect
      const known = agents.get(connectMs)
      if (known !== undefined) return known
      const agent = new Agent({
        connect: upstreamConnector(connectMs),
        keepAliveTimeout: keepAliveMs,
      })
      agents.set(connectMs, agent)
      return agent
    },
    pick: (route) => {
      const turn = turns.get(route) ?? 0
      if (route.upstreams.length > 1) turns.set(route, (turn + 1) % route.upstreams.length)
      const upstream = route.upstreams[turn]
      if (upstream === undefined) throw new RangeError(`route ${route.path} has no upstream`)
      return upstream
    },
    after: ({ upstreams: all }, failed) => all[(all.indexOf(failed) + 1) % all.length] ?? failed,
    close: async () => {
      await Promise.all([...agents.values()].map((agent) => agent.destroy()))
    },
  }
}
