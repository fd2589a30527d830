import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import type { Route } from '../config/config.ts'
import type { TokenSet } from '../core/token-set.ts'
import type { RequestTarget } from '../http/request-target.ts'
import type { Outcome } from './answer-handler.ts'
import { answerHandler } from './answer-handler.ts'
import type { StreamLife } from './browser-sink.ts'
import { UploadCut } from './limited-body.ts'
import { isReplayable, requestBody } from './request-body.ts'
import type { RequestBody } from './request-body.ts'
import { withToken } from './request-headers.ts'
import { isConnectionFailure, toUpstreamError } from './upstream-error.ts'
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
  readonly life: StreamLife
  /** Another token than the one in `headers`, once the upstream has called that invalid. */
  readonly insteadToken: (() => Promise<TokenSet | undefined>) | undefined
}

type Attempt = {
  readonly origin: string
  readonly headers: string[]
  readonly retries: number
  readonly insteadToken: Forwarding['insteadToken']
}

/**
 * Streams the call to the upstream and the answer back, with back-pressure both ways; only a short body is held.
 * Rejects with `upstream_unreachable`, `upstream_timeout`, `body_too_large`, `UploadCut` or the end of the session while
 * nothing was answered; after that a failure cuts the connection, so that a part never looks like the whole (RFC 9112
 * section 8).
 */
export const forward = ({ upstreams }: ForwardDeps) =>
  async function forwarded(call: Forwarding): Promise<void> {
    const { route, headers, insteadToken } = call
    const body = await requestBody(call.req, route)
    const retries = mayRepeat(call.req, body) ? route.retryIdempotent : 0
    const send = async (attempt: Attempt): Promise<void> => {
      const outcome = await exchange(upstreams, { call, body, attempt })
      switch (outcome.kind) {
        case 'answered':
          return
        case 'renewed':
          return await send({
            ...attempt,
            headers: withToken(headers, outcome.token.accessToken),
            // Once: an API that calls every token invalid has the last word.
            insteadToken: undefined,
          })
        case 'failed':
          if (attempt.retries === 0 || !isConnectionFailure(outcome.cause))
            throw failureOf(outcome.cause)
          return await send({
            ...attempt,
            origin: upstreams.after(route, attempt.origin),
            retries: attempt.retries - 1,
          })
      }
    }
    await send({ origin: upstreams.pick(route), headers, retries, insteadToken })
  }

/** RFC 9110 section 9.2.2: what was sent twice must have the effect of once. */
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

const mayRepeat = (req: IncomingMessage, body: RequestBody): boolean =>
  idempotent.has(req.method ?? '') && isReplayable(body)

const failureOf = (cause: Error): Error =>
  cause instanceof UploadCut ? cause : toUpstreamError(cause)

/** The path the upstream sees: cut by whole segments off a path that is canonical already. */
export const upstreamPath = (path: string, stripPrefix: string): string => {
  const rest = path.slice(stripPrefix.length)
  return rest === '' ? '/' : rest
}

type Exchange = {
  readonly call: Forwarding
  readonly body: RequestBody
  readonly attempt: Attempt
}

const exchange = (upstreams: Upstreams, { call, body, attempt }: Exchange): Promise<Outcome> => {
  const { req, res, route, target, life } = call
  const path = upstreamPath(target.path, route.stripPrefix)
  const options: Dispatcher.DispatchOptions = {
    origin: attempt.origin,
    path: `${path}${target.query}`,
    // Node's parser let the method through and the route's list has it.
    method: req.method ?? 'GET',
    headers: attempt.headers,
    body,
    headersTimeout: route.timeoutMs.firstByte,
    // It would end a quiet event stream too: `life` has the time for every other answer.
    bodyTimeout: 0,
  }
  const facts = { ...call, upstreamOrigin: attempt.origin, upstreamPath: path }
  const { insteadToken } = attempt
  const replayable = isReplayable(body)
  return new Promise((resolve, reject) => {
    const way = { res, facts, life, insteadToken, replayable, resolve, reject }
    upstreams.agent(route).dispatch(options, answerHandler(way))
  })
}
