import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import type { Route } from '../config/config.ts'
import type { BrokerError } from '../core/errors.ts'
import type { StepUpDemand } from '../core/step-up.ts'
import type { TokenSet } from '../core/token-set.ts'
import type { RequestTarget } from '../http/request-target.ts'
import { answerHandler } from './answer-handler.ts'
import type { Outcome, StreamLife } from './browser-sink.ts'
import { UploadCut } from './limited-body.ts'
import { isReplayable, requestBody } from './request-body.ts'
import type { RequestBody } from './request-body.ts'
import { withToken } from './request-headers.ts'
import { isConnectionFailure, isLateConnection, toUpstreamError } from './upstream-error.ts'
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
  readonly base: string
  readonly othersBases: readonly string[] | undefined
  readonly corsOrigin: string | undefined
  readonly life: StreamLife
  /** Another token than the one in `headers`, once the upstream has called that invalid. */
  readonly insteadToken: (() => Promise<TokenSet | undefined>) | undefined
  /** The refusal that the browser gets once the upstream has called the login too weak. */
  readonly askStepUp: ((demand: StepUpDemand) => Promise<BrokerError>) | undefined
}

type Attempt = {
  readonly origin: string
  readonly headers: string[]
  readonly retries: number
  readonly insteadToken: Forwarding['insteadToken']
}

/**
 * Streams the call to the upstream and the answer back, with back-pressure both ways; only a short body is held.
 * Rejects with `upstream_unreachable`, `upstream_timeout`, `body_too_large`, `UploadCut`, `step_up_required` or
 * the end of the session while nothing was answered; after that a failure cuts the connection, so that a part never looks
 * like the whole (RFC 9112 section 8).
 */
export const forward = ({ upstreams }: ForwardDeps) =>
  async function forwarded(call: Forwarding): Promise<void> {
    const { route, headers, insteadToken } = call
    const arriving = requestBody(call.req, route)
    const body = arriving instanceof Promise ? await arriving : arriving
    const repeatable = mayRepeat(call.req, body)
    const retries = repeatable ? route.retryIdempotent : 0
    const origin = upstreams.pick(route, repeatable)
    let attempt: Attempt | undefined = { origin, headers, retries, insteadToken }
    while (attempt !== undefined) {
      const outcome: Outcome = await exchange(upstreams, { call, body, attempt })
      attempt = await attemptAfter(upstreams, call, { attempt, outcome })
    }
  }

type Tried = { readonly attempt: Attempt; readonly outcome: Outcome }

/** What to send next, or undefined after an answer; throws where the call has failed. */
const attemptAfter = (
  upstreams: Upstreams,
  { route, headers }: Forwarding,
  { attempt, outcome }: Tried,
): Attempt | undefined | Promise<never> => {
  switch (outcome.kind) {
    case 'answered':
      return undefined
    case 'renewed':
      return {
        ...attempt,
        headers: withToken(headers, outcome.token.accessToken),
        // Once: an API that calls every token invalid has the last word.
        insteadToken: undefined,
      }
    case 'demanded':
      return outcome.refusal().then((refusal) => {
        throw refusal
      })
    case 'failed':
      return nextAttempt(upstreams, route, { attempt, cause: outcome.cause })
  }
}

type Failed = { readonly attempt: Attempt; readonly cause: Error }

/** The same call on a new connection, after one that failed; throws where that is all. */
const nextAttempt = (
  { health, after }: Upstreams,
  route: Route,
  { attempt, cause }: Failed,
): Attempt => {
  if (!isConnectionFailure(cause)) throw failureOf(cause)
  health.failed(attempt.origin)
  const failure = { origin: attempt.origin, waited: isLateConnection(cause) }
  const origin = attempt.retries === 0 ? undefined : after(route, failure)
  if (origin === undefined) throw failureOf(cause)
  return { ...attempt, origin, retries: attempt.retries - 1 }
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
  const { req, res, route, target, life, askStepUp } = call
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
    const way = { res, facts, life, insteadToken, askStepUp, replayable, resolve, reject }
    const handler = answerHandler(way)
    const watched = upstreams.health.isWell(attempt.origin)
      ? handler
      : noting(handler, () => upstreams.health.worked(attempt.origin))
    upstreams.agent(route).dispatch(options, watched)
  })
}

/** The same handler, telling of the first answer. */
const noting = (
  handler: Dispatcher.DispatchHandler,
  answered: () => void,
): Dispatcher.DispatchHandler => ({
  ...handler,
  onResponseStart(...answer) {
    answered()
    handler.onResponseStart?.(...answer)
  },
})
