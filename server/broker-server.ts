import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createServer } from 'node:http'
import { Socket, Server as TcpServer } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Broker } from './create-broker.ts'

/** Above the 90 s that a PaaS router keeps its connections: whoever closes first must not be us. */
const keepAliveMs = 95_000

/** Each open connection with the answers under way on it; Node's own list forgets a WebSocket. */
type Traffic = Map<Socket, Set<ServerResponse>>

const trafficOf = new WeakMap<Server, Traffic>()

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
  trafficOf.set(server, watch(server))
  return server
}

const watch = (server: Server): Traffic => {
  const traffic: Traffic = new Map()
  server.on('connection', (socket) => {
    traffic.set(socket, new Set())
    socket.once('close', () => traffic.delete(socket))
  })
  const noteAnswer = (req: IncomingMessage, res: ServerResponse) => {
    const underWay = traffic.get(req.socket)
    underWay?.add(res)
    res.once('close', () => underWay?.delete(res))
  }
  server.on('request', noteAnswer)
  server.on('checkContinue', noteAnswer)
  return traffic
}

/** Joins a broker to a server. */
export const serve = (server: Server, broker: Broker): void => {
  const early = answersIn(trafficOf.get(server))
  server.on('request', (req, res) => broker.handler(req, res))
  server.on('checkContinue', broker.checkContinue)
  server.on('upgrade', broker.upgrade)
  server.on('clientError', endRefused)
  for (const res of early) broker.handler(res.req, res)
}

const answersIn = (traffic: Traffic = new Map()): readonly ServerResponse[] =>
  [...traffic.values()].flatMap((underWay) => [...underWay])

const refusals: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}

/** What Node's parser refused (RFC 9112 section 2.2): one answer, and no further byte of it is read. */
const endRefused = (error: Error & { readonly code?: unknown }, socket: Duplex): void => {
  const answered = socket instanceof Socket && socket.bytesWritten > 0
  const status = refusals[String(error.code)] ?? '400 Bad Request'
  if (socket.writable && !answered)
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  else socket.destroy()
}

const lookMs = 100
const lingerMs = 1_000

/**
 * Stops accepting, lets what is under way end, and cuts what is still there after `graceMs`.
 *
 * Idle connections linger a moment: a request that a router has just sent on one is answered, with `Connection: close`,
 * where a closed socket would make it an error. `http.Server.close` would close them at once.
 */
export const drainServer = async (server: Server, graceMs: number): Promise<void> => {
  const traffic = trafficOf.get(server) ?? (new Map() as Traffic)
  const closed = new Promise<void>((resolve) => {
    TcpServer.prototype.close.call(server, () => resolve())
  })
  for (const res of answersIn(traffic)) if (!res.headersSent) res.setHeader('Connection', 'close')
  const closeIdle = () => {
    server.closeIdleConnections()
    // To Node a connection that never sent a byte waits for its first request; browsers open such ones to spare.
    for (const socket of traffic.keys()) if (socket.bytesRead === 0) socket.destroy()
  }
  const timers = [
    setTimeout(() => timers.push(setInterval(closeIdle, lookMs)), lingerMs),
    setTimeout(() => traffic.forEach((_underWay, socket) => socket.destroy()), graceMs),
  ]
  await closed
  timers.forEach((timer) => clearTimeout(timer))
}
