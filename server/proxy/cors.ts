import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Route } from '../config/config.ts'
import { header } from '../http/raw-headers.ts'

const rememberSeconds = 600

/** The caller's origin when the route's list has it. */
export const listedOrigin = (req: IncomingMessage, route: Route): string | undefined => {
  const origin = header(req, 'origin')
  return origin !== undefined && route.cors.includes(origin) ? origin : undefined
}

/** Lets a listed origin read a refusal too: `code` and `login_url` are meant for it. */
export const allowReading = (res: ServerResponse, origin: string | undefined): void => {
  if (origin === undefined || res.headersSent) return
  res.setHeader('Access-Control-Allow-Origin', origin)
  res.setHeader('Access-Control-Allow-Credentials', 'true')
}

/**
 * Answers a preflight from an origin of the route's list; false when this is none.
 * Any other preflight goes on to be judged, and is refused as cross-site: no foreign page gets to send our header.
 */
export const answerPreflight = (
  req: IncomingMessage,
  res: ServerResponse,
  route: Route,
): boolean => {
  const origin = listedOrigin(req, route)
  const method = header(req, 'access-control-request-method')
  if (req.method !== 'OPTIONS' || method === undefined || origin === undefined) return false
  const wanted = header(req, 'access-control-request-headers')
  res.writeHead(204, {
    'Access-Control-Allow-Origin': origin,
    'Access-Control-Allow-Credentials': 'true',
    'Access-Control-Allow-Methods': (route.methods ?? [method]).join(', '),
    ...(wanted !== undefined && { 'Access-Control-Allow-Headers': wanted }),
    'Access-Control-Max-Age': rememberSeconds,
    'Cache-Control': 'no-store',
    Vary: 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers',
  })
  res.end()
  return true
}
