import type { IncomingMessage } from 'node:http'
import { METHODS } from 'node:http'
import { BrokerError } from '../core/errors.ts'
import type { Call } from '../http/call.ts'
import { header } from '../http/raw-headers.ts'

export const forwardAuthPath = '/forward-auth'

const ourAddress = /^\/forward-auth(?=[/?]|$)/

/** Whether a request goes to `/forward-auth` or, as Envoy has it, to a path below. */
export const isForwardAuth = (req: IncomingMessage): boolean => ourAddress.test(req.url ?? '')

/**
 * The call that a proxy asks about. At `/forward-auth` its method, target and host are in `X-Forwarded-*`; below it they are
 * the request's own, and `X-Forwarded-*` is not read: only a browser can have sent it there.
 */
export const askedCall = (req: IncomingMessage): Call => {
  const below = (req.url ?? '').slice(forwardAuthPath.length)
  const call = below.startsWith('/') ? { ...viewOf(req), url: below } : forwardedCall(req)
  // Node's parser lets no other method pass to a route either.
  if (!METHODS.includes(call.method ?? ''))
    throw new BrokerError('invalid_request', { detail: 'X-Forwarded-Method is no HTTP method.' })
  return call
}

/** Node's requests keep their headers behind getters, which a spread would lose. */
const viewOf = ({ method, url, headers, rawHeaders }: IncomingMessage): Call => ({
  method,
  url,
  headers,
  rawHeaders,
})

const forwardedCall = (req: IncomingMessage): Call => ({
  method: forwarded(req, 'method'),
  url: forwarded(req, 'uri'),
  headers: { ...req.headers, host: forwarded(req, 'host') },
  // The Host of the question is the broker's internal name.
  rawHeaders: withoutHost(req.rawHeaders),
})

/** What came twice was joined by a comma, and is no method, no canonical path and nobody's host. */
const forwarded = (req: IncomingMessage, what: 'method' | 'uri' | 'host'): string => {
  const name = `x-forwarded-${what}`
  const value = header(req, name)
  if (value === undefined)
    throw new BrokerError('invalid_request', { detail: `The proxy did not send ${name}.` })
  return value
}

const withoutHost = (raw: readonly string[]): string[] =>
  raw.filter((_text, i) => raw[i - (i % 2)]?.toLowerCase() !== 'host')

/**
 * Whether the call would become a WebSocket. Proxies take `Upgrade` off on the way to us, as hop by hop;
 * the key is end to end (RFC 6455 section 4.1).
 */
export const isWebSocket = ({ headers }: Call): boolean =>
  headers.upgrade?.toLowerCase() === 'websocket' || headers['sec-websocket-key'] !== undefined
