import type { IncomingMessage } from 'node:http'
import { filterCookies, isOwnCookie } from '../core/cookies.ts'
import { remembered } from '../core/remembered.ts'
import { lowerMaxForwards, viaOf } from './hops.ts'

/** RFC 9110 section 7.6.1, and what belongs to this connection alone. */
const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authorization',
  'proxy-authenticate',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'host',
  'http2-settings',
]

/** What only the broker may say to an upstream; from a browser it is somebody's try to be someone else. */
const brokersOwn = [
  'cookie',
  'authorization',
  'dpop',
  'forwarded',
  'x-forwarded',
  // CGI hands it on as HTTP_PROXY, which HTTP clients obey (httpoxy).
  'proxy',
  'via',
  'x-request-id',
  'traceparent',
  'tracestate',
  'x-real-ip',
  'x-method-override',
  'remote-user',
  // RFC 9440 section 2.4: it says that the TLS in front has seen a certificate.
  'client-cert',
  'client-cert-chain',
  'x-csrf-token',
  'x-xsrf-token',
  'x-forward-auth-secret',
]

const brokersOwnPrefixes = [
  'x-forwarded-',
  'x-original-',
  'x-rewrite-',
  'x-http-method',
  'x-auth-request-',
  'x-user',
  'x-remote-',
]

const dropped = new Set([...hopByHop, ...brokersOwn])

/** A name with `_` reaches CGI-like servers as its `-` twin. */
const isDropped = (name: string): boolean =>
  dropped.has(name) ||
  name.includes('_') ||
  brokersOwnPrefixes.some((prefix) => name.startsWith(prefix))

const namesKept = 1_000

/** The header's name in lower case when it may go upstream, else false. Browsers send the same few names. */
const forwardable = remembered((rawName): string | false => {
  const name = rawName.toLowerCase()
  return isDropped(name) ? false : name
}, namesKept)

export type UpstreamFacts = {
  readonly accessToken: string | undefined
  readonly clientAddress: string
  readonly host: string
  readonly proto: 'http' | 'https'
  /** Ours, in `Via`. */
  readonly pseudonym: string
  readonly requestId: string
  /** A new trace for a request that brings none; W3C Trace Context section 3.2. */
  readonly newTraceparent: () => string
  readonly passCookies: readonly string[]
}

/**
 * The header list for the upstream, built from nothing: what the browser may send, then what the broker says.
 *
 * What `Connection` names is dropped before ours is added, so that `Connection: Authorization` cannot take the token off
 * (RFC 9110 section 7.6.1). Names and values alternate, as undici takes them.
 */
export const upstreamHeaders = (req: IncomingMessage, facts: UpstreamFacts): string[] => {
  const named = namedByConnection(req.headers.connection)
  const headers: string[] = []
  const raw = req.rawHeaders
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = forwardable(raw[i] ?? '')
    // Framing is ours to keep, whoever names it.
    if (name === false || (name !== 'content-length' && named?.has(name))) continue
    headers.push(name, raw[i + 1] ?? '')
  }
  if (req.method === 'OPTIONS') lowerMaxForwards(headers)
  addCookies(headers, req.headers.cookie, facts.passCookies)
  addOwn(headers, req, facts)
  return headers
}

/** The same list with another token, for a request that is sent again. */
export const withToken = (headers: readonly string[], accessToken: string): string[] =>
  headers.map((text, i) =>
    i % 2 === 1 && headers[i - 1] === 'authorization' ? `Bearer ${accessToken}` : text,
  )

const namedByConnection = (connection: string | undefined): ReadonlySet<string> | undefined =>
  connection === undefined || connection === 'keep-alive' || connection === 'close'
    ? undefined
    : new Set(connection.split(',').map((name) => name.trim().toLowerCase()))

const addCookies = (
  headers: string[],
  cookie: string | undefined,
  pass: readonly string[],
): void => {
  if (cookie === undefined || pass.length === 0) return
  const kept = filterCookies(cookie, (name) => pass.includes(name) && !isOwnCookie(name))
  if (kept !== undefined) headers.push('cookie', kept)
}

const addOwn = (headers: string[], req: IncomingMessage, facts: UpstreamFacts): void => {
  const { accessToken, clientAddress, host, proto, requestId } = facts
  if (accessToken !== undefined) headers.push('authorization', `Bearer ${accessToken}`)
  headers.push(
    'forwarded',
    `for=${forwardedNode(clientAddress)};host="${host}";proto=${proto}`,
    'x-forwarded-for',
    clientAddress,
    'x-forwarded-host',
    host,
    'x-forwarded-proto',
    proto,
    'via',
    viaOf(req, facts.pseudonym),
    'x-request-id',
    requestId,
  )
  addTrace(headers, req, facts)
}

/** Vendors' state belongs to the trace it came with: a new trace starts without. W3C Trace Context section 3.3. */
const addTrace = (headers: string[], req: IncomingMessage, facts: UpstreamFacts): void => {
  const parent = traceparentOf(req)
  const state = req.headers['tracestate']
  headers.push('traceparent', parent ?? facts.newTraceparent())
  if (parent !== undefined && typeof state === 'string') headers.push('tracestate', state)
}

/** RFC 7239 section 6: an IPv6 address in brackets and quotes. */
const forwardedNode = (address: string): string =>
  address.includes(':') ? `"[${address}]"` : address

const traceparentShape =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/

const traceparentOf = (req: IncomingMessage): string | undefined => {
  const given = req.headers['traceparent']
  return typeof given === 'string' && traceparentShape.test(given) ? given : undefined
}
