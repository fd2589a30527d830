import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import { Socket, Server as TcpServer } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { BrokerError } from './core/errors.ts'
import { toProblem } from './core/problem.ts'
import { systemRandom } from './core/random.ts'
import type { Broker } from './create-broker.ts'

/** Above the 90 s that a PaaS router keeps its connections: whoever closes first must not be us. */
const keepAliveMs = 95_000

/** Each open connection with the answers under way on it; Node's own list forgets a WebSocket. */
type Traffic = Map<Socket, Set<ServerResponse>>

type Handler = (req: IncomingMessage, res: ServerResponse) => void

type Watched = {
  readonly traffic: Traffic
  /** From now on each request goes there, once it is noted. */
  readonly serve: (handler: Handler) => void
}

const watchedServers = new WeakMap<Server, Watched>()

/** None on a server that is not ours. */
const trafficAt = (server: Server): Traffic =>
  watchedServers.get(server)?.traffic ?? (new Map() as Traffic)

/** An HTTP server with timeouts that fit behind a router; requests wait until `serve` is called. */
export const brokerServer = (): Server => {
  const server = createServer({
    keepAliveTimeout: keepAliveMs,
    headersTimeout: keepAliveMs + 1_000,
    // An upload may take as long as it flows.
    requestTimeout: 0,
    // Any other upgrade, `h2c` above all, is ignored: the request is answered as if it had not asked.
    shouldUpgradeCallback: (req) => req.headers.upgrade?.toLowerCase() === 'websocket',
  })
  watchedServers.set(server, watch(server))
  return server
}

const watch = (server: Server): Watched => {
  const traffic: Traffic = new Map()
  server.on('connection', (socket) => {
    traffic.set(socket, new Set())
    socket.once('close', () => traffic.delete(socket))
  })
  const noteAnswer = (req: IncomingMessage, res: ServerResponse) => {
    const underWay = traffic.get(req.socket)
    underWay?.add(res)
    res.on('close', () => underWay?.delete(res))
  }
  let handler: Handler = () => undefined
  // One listener: for more than one Node copies the list at each request.
  server.on('request', (req, res) => {
    noteAnswer(req, res)
    handler(req, res)
  })
  server.on('checkContinue', noteAnswer)
  server.on('checkExpectation', noteAnswer)
  return {
    traffic,
    serve: (to) => {
      handler = to
    },
  }
}

/** Joins a broker to a server. */
export const serve = (server: Server, broker: Broker): void => {
  const traffic = trafficAt(server)
  const early = answersIn(traffic)
  const handler: Handler = (req, res) => broker.handler(req, res)
  const watched = watchedServers.get(server)
  if (watched === undefined) server.on('request', handler)
  else watched.serve(handler)
  server.on('checkContinue', broker.checkContinue)
  // Any other expectation may be ignored (RFC 9110 section 10.1.1); Node would answer 417 in its own words.
  server.on('checkExpectation', (req, res) => broker.handler(req, res))
  server.on('upgrade', broker.upgrade)
  server.on('clientError', endRefused(traffic))
  for (const res of early) broker.handler(res.req, res)
}

const answersIn = (traffic: Traffic): readonly ServerResponse[] =>
  [...traffic.values()].flatMap((underWay) => [...underWay])

type Refusal = {
  readonly status: number
  readonly reason: string
  readonly code: 'invalid_request' | 'invalid_path'
  readonly detail?: string
}

const malformed: Refusal = {
  status: 400,
  reason: 'Bad Request',
  code: 'invalid_request',
  detail: 'The request does not follow RFC 9112.',
}

const refusals: Readonly<Record<string, Refusal>> = {
  HPE_INVALID_URL: { status: 400, reason: 'Bad Request', code: 'invalid_path' },
  HPE_HEADER_OVERFLOW: {
    status: 431,
    reason: 'Request Header Fields Too Large',
    code: 'invalid_request',
    detail: 'The headers are too large.',
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    reason: 'Request Timeout',
    code: 'invalid_request',
    detail: 'The headers did not arrive in time.',
  },
}

/**
 * What Node's parser refused (RFC 9112 section 2.2): one answer, and no further byte of it is read.
 * Whole requests that came before it are answered first: the refusal would be taken for the answer to one of them.
 */
const endRefused = (traffic: Traffic) => {
  const closing = new WeakSet<Duplex>()
  return (error: Error & { readonly code?: unknown }, socket: Duplex): void => {
    if (!(socket instanceof Socket) || !socket.writable) return void socket.destroy()
    const owed = [...(traffic.get(socket) ?? [])].findLast(({ req }) => req.complete)
    if (owed !== undefined) {
      if (closing.has(socket)) return
      closing.add(socket)
      if (!owed.headersSent) owed.setHeader('Connection', 'close')
      owed.once('close', () => socket.destroySoon())
    } else if (socket.bytesWritten > 0) socket.destroy()
    else socket.end(refusalText(refusals[String(error.code)] ?? malformed))
  }
}

/** A whole answer, by hand: to Node there was no request, so there is no response to write to. */
const refusalText = ({ status, reason, code, detail }: Refusal): string => {
  const requestId = systemRandom.token(16)
  const problem = toProblem(new BrokerError(code, { detail }), requestId)
  const body = JSON.stringify({ ...problem, status })
  return [
    `HTTP/1.1 ${status} ${reason}`,
    'Connection: close',
    'Cache-Control: no-store',
    'Content-Type: application/problem+json; charset=utf-8',
    'X-Content-Type-Options: nosniff',
    `X-Request-Id: ${requestId}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n')
}

const lookMs = 100

export type DrainTimes = {
  /** What is still there after this time is cut. */
  readonly graceMs: number
  /** How long to answer on, so that whoever sends us users learns from `/readyz` to send them elsewhere. */
  readonly lingerMs: number
  /** Resolves when the others on this port have nothing under way either. */
  readonly together?: () => Promise<void>
}

/**
 * Lets what is under way end, then stops accepting, and cuts what is still there after `graceMs`.
 *
 * While something is under way, and for the linger in any case, new connections are answered too: a load balancer that
 * cannot connect does not know why. Idle connections stay as long: a request that a router has just sent on one is
 * answered, with `Connection: close`, where a closed socket would make it an error. `http.Server.close` would close them at once.
 */
export const drainServer = async (
  server: Server,
  { graceMs, lingerMs, together = () => Promise.resolve() }: DrainTimes,
): Promise<void> => {
  const traffic = trafficAt(server)
  const timers = [
    setTimeout(() => traffic.forEach((_underWay, socket) => socket.destroy()), graceMs),
  ]
  await answeringOn(answersIn(traffic), { lingerMs, longestMs: (graceMs * 3) / 4, together })
  const closed = new Promise<void>((resolve) => {
    TcpServer.prototype.close.call(server, () => resolve())
  })
  const closeIdle = () => {
    server.closeIdleConnections()
    // To Node a connection that never sent a byte waits for its first request; browsers open such ones to spare.
    for (const socket of traffic.keys()) if (socket.bytesRead === 0) socket.destroy()
  }
  closeIdle()
  timers.push(setInterval(closeIdle, lookMs))
  await closed
  timers.forEach((timer) => clearTimeout(timer))
}

type Lingering = Required<Omit<DrainTimes, 'graceMs'>> & { readonly longestMs: number }

/** Resolves when these answers have ended and the linger is over, here and in the others, or when there is no more time to wait. */
const answeringOn = async (
  answers: readonly ServerResponse[],
  { lingerMs, longestMs, together }: Lingering,
): Promise<void> => {
  const over = new AbortController()
  const pause = (ms: number) => sleep(ms, undefined, { signal: over.signal }).catch(() => undefined)
  const ends = answers.map((res) => {
    if (!res.headersSent) res.setHeader('Connection', 'close')
    return new Promise<void>((resolve) => void res.once('close', resolve))
  })
  const quiet = Promise.all([...ends, lingerMs > 0 && pause(lingerMs)])
  await Promise.race([quiet.then(together), pause(longestMs)])
  over.abort()
}
