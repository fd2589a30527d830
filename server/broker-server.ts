import type { Server } from 'node:http'
import { createServer } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { Broker } from './create-broker.ts'

/** Above the 90 s that a PaaS router keeps its connections: whoever closes first must not be us. */
const keepAliveMs = 95_000

/** An HTTP server with timeouts that fit behind a router; it serves nothing until `serve` is called. */
export const brokerServer = (): Server =>
  createServer({
    keepAliveTimeout: keepAliveMs,
    headersTimeout: keepAliveMs + 1_000,
    // An upload may take as long as it flows.
    requestTimeout: 0,
    // Any other upgrade, `h2c` above all, is ignored: the request is answered as if it had not asked.
    shouldUpgradeCallback: (req) => req.headers.upgrade?.toLowerCase() === 'websocket',
  })

/** Joins a broker to a server. */
export const serve = (server: Server, broker: Broker): void => {
  server.on('request', (req, res) => broker.handler(req, res))
  server.on('checkContinue', broker.checkContinue)
  server.on('upgrade', broker.upgrade)
  server.on('clientError', (_error, socket) => endBadRequest(socket))
}

/** What Node's parser refused (RFC 9112 section 2.2): one answer, and no further byte of it is read. */
const endBadRequest = (socket: Duplex): void => {
  const answered = socket instanceof Socket && socket.bytesWritten > 0
  if (socket.writable && !answered)
    socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
  else socket.destroy()
}

const lookMs = 100

/** Stops accepting, lets what is under way end, and cuts what is still there after `graceMs`. */
export const drainServer = async (server: Server, graceMs: number): Promise<void> => {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  const idle = setInterval(() => server.closeIdleConnections(), lookMs)
  const grace = setTimeout(() => server.closeAllConnections(), graceMs)
  server.closeIdleConnections()
  await closed
  clearInterval(idle)
  clearTimeout(grace)
}
