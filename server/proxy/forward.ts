import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Dispatcher } from 'undici'
import type { Route } from '../config/config.ts'
import { BrokerError } from '../core/errors.ts'
import type { RequestTarget } from '../http/request-target.ts'
import { limitedBody } from './limited-body.ts'
import { browserHeaders } from './response-headers.ts'
import type { Upstreams } from './upstreams.ts'

export type ForwardDeps = { readonly upstreams: Upstreams }

/** One admitted call on its way to the upstream. */
export type Forwarding = {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly route: Route
  readonly target: RequestTarget
  readonly headers: string[]
  readonly requestId: string
  /** BASE_URL's, which a redirect of the upstream's may name. */
  readonly ownOrigin: string
  readonly corsOrigin: string | undefined
}

/**
 * Streams the call to the upstream and the answer back, with back-pressure both ways and no body held.
 * Rejects with `upstream_unreachable`, `upstream_timeout` or `body_too_large` while nothing was answered; after that a
 * failure cuts the connection, so that a part never looks like the whole (RFC 9112 section 8).
 */
export const forward =
  ({ upstreams }: ForwardDeps) =>
  (call: Forwarding): Promise<void> => {
    const origin = upstreams.pick(call.route)
    const path = upstreamPath(call.target.path, call.route.stripPrefix)
    const options: Dispatcher.DispatchOptions = {
      origin,
      path: `${path}${call.target.query}`,
      // Node's parser let the method through and the route's list has it.
      method: call.req.method ?? 'GET',
      headers: call.headers,
      body: bodyOf(call),
      headersTimeout: call.route.timeoutMs.firstByte,
      bodyTimeout: call.route.timeoutMs.idle,
    }
    return new Promise((resolve, reject) => {
      const handler = answerHandler(call, { origin, path, resolve, reject })
      upstreams.agent(call.route).dispatch(options, handler)
    })
  }

/** The path the upstream sees: cut by whole segments off a path that is canonical already. */
export const upstreamPath = (path: string, stripPrefix: string): string => {
  const rest = path.slice(stripPrefix.length)
  return rest === '' ? '/' : rest
}

const bodyOf = ({ req, route }: Forwarding): Readable | null => {
  if (req.headers['transfer-encoding'] !== undefined) return limitedBody(req, route.bodyLimitBytes)
  return Number(req.headers['content-length'] ?? 0) > 0 ? req : null
}

type Answering = {
  readonly origin: string
  readonly path: string
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

const answerHandler = (call: Forwarding, way: Answering): Dispatcher.DispatchHandler => {
  const { res } = call
  return {
    onRequestStart(controller) {
      const abort = () => controller.abort(new Error('the client went away'))
      if (res.destroyed) abort()
      // What the client no longer wants, the upstream should not go on making.
      else
        res.once('close', () => {
          if (!res.writableFinished) abort()
        })
    },
    onResponseStart(controller, statusCode) {
      if (statusCode < 200) return
      const raw = rawTexts(controller.rawHeaders)
      res.writeHead(statusCode, browserHeaders(raw, factsOf(call, way)))
      // Without a length the first byte may be long in coming: the header does not wait for it.
      if (!hasLength(raw)) res.flushHeaders()
    },
    onResponseData(controller, chunk) {
      if (res.write(chunk)) return
      controller.pause()
      res.once('drain', () => controller.resume())
    },
    onResponseEnd() {
      res.end()
      way.resolve()
    },
    onResponseError(_controller, error) {
      if (!res.headersSent && !res.destroyed) return way.reject(toUpstreamError(error))
      res.destroy()
      way.resolve()
    },
  }
}

const factsOf = (call: Forwarding, { origin, path }: Answering) => ({
  route: call.route,
  requestId: call.requestId,
  upstreamOrigin: origin,
  upstreamPath: path,
  ownOrigin: call.ownOrigin,
  corsOrigin: call.corsOrigin,
})

const rawTexts = (raw: Dispatcher.DispatchController['rawHeaders']): string[] =>
  Array.isArray(raw)
    ? raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1')))
    : []

const hasLength = (raw: readonly string[]): boolean =>
  raw.some(
    (part, i) => i % 2 === 0 && part.length === 14 && part.toLowerCase() === 'content-length',
  )

const timeouts = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
])

const toUpstreamError = (cause: Error & { readonly code?: unknown }): BrokerError => {
  if (cause instanceof BrokerError) return cause
  const late = typeof cause.code === 'string' && timeouts.has(cause.code)
  return new BrokerError(late ? 'upstream_timeout' : 'upstream_unreachable', { cause })
}
