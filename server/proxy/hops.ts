import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Route } from '../config/config.ts'
import { BrokerError } from '../core/errors.ts'
import { header } from '../http/raw-headers.ts'
import { requestIdOf } from '../http/request-id.ts'

/** What this deployment calls itself in `Via`: another one in the same chain has another BASE_URL, and so another name. */
export const pseudonymOf = (origin: string): string =>
  `latchkey-${createHash('sha256').update(origin).digest('hex').slice(0, 8)}`

/** `Via` with ourselves at the end. RFC 9110 section 7.6.3. */
export const viaOf = (req: IncomingMessage, pseudonym: string): string => {
  const before = req.headers.via
  const own = `${req.httpVersion} ${pseudonym}`
  return before === undefined ? own : `${before}, ${own}`
}

/**
 * Refuses a request that went through us before: an upstream that leads back here would send it round until a limit
 * somewhere breaks. RFC 9110 section 7.6.
 */
export const refuseLoop = ({ headers: { via } }: IncomingMessage, pseudonym: string): void => {
  if (via === undefined || !via.includes(pseudonym)) return
  const receivedBy = via.split(',').map((hop) => hop.trim().split(/[ \t]+/)[1])
  if (receivedBy.includes(pseudonym))
    throw new BrokerError('upstream_unreachable', {
      cause: new Error('the upstream leads back to this broker'),
    })
}

const everyMethod = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/** Answers an OPTIONS that may go no further; false when it may. RFC 9110 section 7.6.2. */
export const answerLastHop = (req: IncomingMessage, res: ServerResponse, route: Route): boolean => {
  if (req.method !== 'OPTIONS' || !/^0+$/.test(header(req, 'max-forwards') ?? '')) return false
  const methods = route.methods ?? everyMethod
  if (!methods.includes('OPTIONS')) return false
  res.writeHead(204, {
    Allow: methods.join(', '),
    'Cache-Control': 'no-store',
    'X-Request-Id': requestIdOf(req),
  })
  res.end()
  return true
}

/** No chain of proxies is longer; a number from outside is not. */
const longestChain = 255

/** Takes one off each `max-forwards` of the list, in place. RFC 9110 section 7.6.2. */
export const lowerMaxForwards = (headers: string[]): void => {
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const hops = headers[i + 1] ?? ''
    if (headers[i] === 'max-forwards' && /^\d+$/.test(hops))
      headers[i + 1] = String(Math.min(Math.max(Number(hops) - 1, 0), longestChain))
  }
}
