import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import type { Route } from '../config/config.ts'
import { BrokerError } from '../core/errors.ts'
import type { RecordId } from '../core/ids.ts'
import type { ClientAddress } from './client-address.ts'

/** What closes when a call ends: its answer, or the socket of a WebSocket. */
export type Closing = Pick<ServerResponse | Duplex, 'once' | 'destroyed'>

/** A call of a route with limits, until it closes. */
export type Counted = {
  readonly req: IncomingMessage
  readonly route: Route
  readonly limits: NonNullable<Route['limits']>
  readonly closing: Closing
}

type Session = { readonly recordId: RecordId }

/** Undefined on a route without limits, which costs such a call nothing more. */
export const countedCall = (
  req: IncomingMessage,
  route: Route,
  closing: Closing,
): Counted | undefined =>
  route.limits === undefined ? undefined : { req, route, limits: route.limits, closing }

type Count = { inFlight: number; readonly rate: RateLimiterMemory | undefined }

/**
 * Counts the calls of routes with limits; rejects with `too_many_requests`.
 * In this process alone: asking Redis would double what a call asks of it. A reload makes other routes of the same paths; it must not
 * give everybody all their calls again.
 */
export const routeLimits = ({ clientAddress }: { readonly clientAddress: ClientAddress }) => {
  const counts = new WeakMap<Route, Count>()
  const byName = new Map<string, Count>()
  const countOf = ({ route, limits: { rate } }: Counted): Count => {
    const known = counts.get(route)
    if (known !== undefined) return known
    const name = JSON.stringify([route.path, rate])
    const count = byName.get(name) ?? newCount(rate)
    byName.set(name, count)
    counts.set(route, count)
    return count
  }
  return async (call: Counted, session: Session | undefined): Promise<void> => {
    const count = countOf(call)
    if (count.rate !== undefined)
      await spend(count.rate, session?.recordId ?? networkOf(clientAddress(call.req)))
    const { concurrent } = call.limits
    if (concurrent !== undefined) enter(count, concurrent, call.closing)
  }
}

const newCount = (rate: Counted['limits']['rate']): Count => ({
  inFlight: 0,
  rate: rate && new RateLimiterMemory({ points: rate.calls, duration: rate.seconds }),
})

const spend = async (limiter: RateLimiterMemory, key: string): Promise<void> => {
  try {
    await limiter.consume(key)
  } catch (spent) {
    if (!(spent instanceof RateLimiterRes)) throw spent
    throw new BrokerError('too_many_requests', {
      detail: 'This session has made all the calls it may for now.',
      retryAfterSeconds: Math.max(1, Math.ceil(spent.msBeforeNext / 1_000)),
    })
  }
}

const enter = (count: Count, concurrent: number, closing: Closing): void => {
  // A client that is gone has no close to come.
  if (closing.destroyed) return
  if (count.inFlight >= concurrent)
    throw new BrokerError('too_many_requests', {
      detail: 'As many calls as this route takes are under way.',
      retryAfterSeconds: 1,
    })
  count.inFlight += 1
  closing.once('close', () => {
    count.inFlight -= 1
  })
}

/** The client where there is no session; of IPv6 its network: one host has 2^64 addresses to call from. */
const networkOf = (address: string): string =>
  address.includes(':') ? ipv6Network(address) : address

/** The first 64 bits of an IPv6 address. RFC 4291 section 2.5.4. */
export const ipv6Network = (address: string): string => {
  // The URL parser writes every address in one way.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::')
  const before = head.split(':').filter((group) => group !== '')
  const after = (tail ?? '').split(':').filter((group) => group !== '')
  const between = Array<string>(8 - before.length - after.length).fill('0')
  return [...before, ...between, ...after].slice(0, 4).join(':')
}
