import type { IncomingMessage, ServerResponse } from 'node:http'
import { ServerResponse as NodeResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Route } from '../config/config.ts'
import { BrokerError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Call } from '../http/call.ts'
import type { Replies } from '../http/reply.ts'
import { refuse } from '../http/refuse.ts'
import { requestIdOf } from '../http/request-id.ts'
import type { RequestTarget } from '../http/request-target.ts'
import type { StreamLife } from './browser-sink.ts'
import { withClaims } from './claim-headers.ts'
import type { ClientAddress } from './client-address.ts'
import { allowReading, answerPreflight, listedOrigin } from './cors.ts'
import type { Forwarding } from './forward.ts'
import { upstreamPath } from './forward.ts'
import { answerLastHop, refuseLoop } from './hops.ts'
import type { Admitted } from './judge.ts'
import { cutAnswer } from './cut-answer.ts'
import { UploadCut } from './limited-body.ts'
import type { Counted } from './limits.ts'
import { countedCall } from './limits.ts'
import type { OpenStreams } from './open-streams.ts'
import type { UpstreamFacts } from './request-headers.ts'
import { upstreamHeaders } from './request-headers.ts'
import type { Opening, Tunnels } from './tunnel.ts'
import { isConnectionFailure } from './upstream-error.ts'
import type { Upstreams } from './upstreams.ts'
import type { OpenStream } from './watched-sessions.ts'

type Judge = (call: Call, route: Route, counted?: Counted) => Promise<Admitted>

export type HotPathDeps = {
  readonly log: Log
  readonly reply: Replies
  readonly origin: string
  /** The prefix that our paths have. */
  readonly base: string
  /** Those of other tenants at this place. */
  readonly othersBases: readonly string[] | undefined
  /** What every call tells its upstream of us. */
  readonly own: Pick<UpstreamFacts, 'host' | 'proto' | 'pseudonym'>
  readonly clientAddress: ClientAddress
  readonly newTraceparent: () => string
  readonly judge: Judge
  readonly judgeUpgrade: Judge
  readonly forward: (call: Forwarding) => Promise<void>
  readonly upstreams: Upstreams
  readonly tunnels: Tunnels
  readonly streams: OpenStreams
  readonly eventQuietMs: number
}

/** A call to a configured route whose host and path were found good. */
export type RoutedCall = {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly route: Route
  readonly target: RequestTarget
  /** The client waits for `100 Continue` before it sends its body. */
  readonly awaitsContinue: boolean
}

/** A proxied call, start to end: judge → headers → stream; or one refusal, in the broker's own words. */
export const hotPath = (deps: HotPathDeps) =>
  async function proxied(call: RoutedCall): Promise<void> {
    const { req, res, route } = call
    const corsOrigin = listedOrigin(req, route)
    try {
      refuseLoop(req, deps.own.pseudonym)
      if (answerPreflight(req, res, route) || answerLastHop(req, res, route)) return
      const admitted = await deps.judge(req, route, countedCall(req, route, res))
      // Only now: a refused upload is never asked for.
      if (call.awaitsContinue) res.writeContinue()
      const headers = headersFor(deps, req, route, admitted)
      const { origin: ownOrigin, base, othersBases } = deps
      const facts = { requestId: requestIdOf(req), ownOrigin, base, othersBases, corsOrigin }
      const { insteadToken, askStepUp } = admitted
      const life = lifeOf(deps, route, admitted)
      const sent = deps.forward({ ...call, ...facts, headers, insteadToken, askStepUp, life })
      await (req.complete ? sent : uploading(life, res, sent))
    } catch (error) {
      if (error instanceof UploadCut) return endUpload(deps, req, res, error)
      allowReading(res, corsOrigin)
      refuse(deps, req, res, error)
    }
  }

const lifeOf = (
  { streams, eventQuietMs }: HotPathDeps,
  { timeoutMs }: Route,
  { recordId }: Admitted,
): StreamLife => ({ streams, recordId, eventQuietMs, idleMs: timeoutMs.idle })

/** An upload that has not arrived yet is cut with its session, whether or not it is being answered. */
const uploading = async (
  { streams, recordId }: StreamLife,
  res: ServerResponse,
  sent: Promise<void>,
): Promise<void> => {
  const stream: OpenStream = { recordId, cut: () => cutAnswer(res) }
  streams.add(stream)
  try {
    await sent
  } finally {
    streams.remove(stream)
  }
}

/** An upgrade to a configured route whose host and path were found good. */
export type UpgradeCall = Omit<RoutedCall, 'res' | 'awaitsContinue'> & {
  readonly socket: Duplex
  readonly head: Buffer
}

/** A WebSocket upgrade, start to end of its handshake; the status that the browser got. */
export const upgradePath = (deps: HotPathDeps) =>
  async function upgraded(call: UpgradeCall): Promise<number> {
    const { req, socket, head, route, target } = call
    try {
      refuseLoop(req, deps.own.pseudonym)
      const admitted = await deps.judgeUpgrade(req, route, countedCall(req, route, socket))
      await openTunnel(deps, {
        socket,
        head,
        recordId: admitted.recordId,
        origin: deps.upstreams.pick(route, false),
        ca: route.tls?.ca,
        pathWithQuery: `${upstreamPath(target.path, route.stripPrefix)}${target.query}`,
        headers: headersFor(deps, req, route, admitted),
        firstByteMs: route.timeoutMs.firstByte,
        requestId: requestIdOf(req),
      })
      return 101
    } catch (error) {
      return refuse(deps, req, socketResponse(req, socket), error)
    }
  }

const openTunnel = async ({ tunnels, upstreams }: HotPathDeps, call: Opening): Promise<void> => {
  try {
    await tunnels.open(call)
    upstreams.health.worked(call.origin)
  } catch (error) {
    const cause = error instanceof BrokerError ? error.cause : undefined
    if (cause instanceof Error && isConnectionFailure(cause)) upstreams.health.failed(call.origin)
    throw error
  }
}

/** An answer in HTTP on a socket that asked for an upgrade and does not get it. */
export const socketResponse = (req: IncomingMessage, socket: Duplex): ServerResponse => {
  const res = new NodeResponse(req)
  res.shouldKeepAlive = false
  // An upgrade's socket is always the TCP or TLS socket of an http.Server.
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment
  res.assignSocket(socket as Socket)
  res.once('finish', () => socket.end())
  return res
}

const headersFor = (
  deps: HotPathDeps,
  req: IncomingMessage,
  route: Route,
  admitted: Admitted,
): string[] => {
  const headers = upstreamHeaders(req, {
    host: deps.own.host,
    proto: deps.own.proto,
    pseudonym: deps.own.pseudonym,
    accessToken: admitted.token?.accessToken,
    clientAddress: deps.clientAddress(req),
    requestId: requestIdOf(req),
    newTraceparent: deps.newTraceparent,
    passCookies: route.pass.cookies,
  })
  const own = route.headers
  return own === undefined ? headers : withClaims(headers, own, admitted.principal)
}

/** No answer reaches a client that stands still in its upload: its connection ends, and the log says 408. */
const endUpload = (
  { log }: HotPathDeps,
  req: IncomingMessage,
  res: ServerResponse,
  { reason }: UploadCut,
): void => {
  if (reason === 'stalled') {
    log.info({ request_id: requestIdOf(req) }, 'upload stalled')
    res.statusCode = 408
  }
  res.destroy()
}
