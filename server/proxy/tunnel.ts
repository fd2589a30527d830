import type { IncomingMessage } from 'node:http'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Duplex } from 'node:stream'
import { BrokerError } from '../core/errors.ts'

/** One admitted upgrade on its way to the upstream. */
export type Upgrading = {
  readonly req: IncomingMessage
  readonly socket: Duplex
  readonly head: Buffer
  readonly origin: string
  /** Certificates that vouch for the upstream, instead of the system's. */
  readonly ca: string | undefined
  readonly pathWithQuery: string
  readonly headers: readonly string[]
  readonly firstByteMs: number
  readonly requestId: string
}

export type Tunnels = {
  /**
   * Opens the WebSocket at the upstream and joins the two connections (RFC 6455 section 4).
   * Rejects with `upstream_unreachable` or `upstream_timeout` while the browser has heard nothing.
   */
  readonly open: (call: Upgrading) => Promise<void>
  /** Ends all of them: an http.Server forgets a connection once it is upgraded, and would wait for it for ever. */
  readonly close: () => void
}

/** Every WebSocket that is open through this broker. */
export const tunnels = (): Tunnels => {
  const browsers = new Set<Duplex>()
  let closed = false
  return {
    open: (call) => {
      if (closed) return Promise.reject(new BrokerError('upstream_unreachable'))
      browsers.add(call.socket)
      call.socket.once('close', () => browsers.delete(call.socket))
      return tunnel(call)
    },
    close: () => {
      closed = true
      for (const socket of browsers) socket.destroy()
    },
  }
}

const tunnel = (call: Upgrading): Promise<void> => {
  const url = new URL(call.origin)
  const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
    method: 'GET',
    path: call.pathWithQuery,
    // Node takes a flat list as it takes raw headers; its types know only objects.
    headers: handshakeHeaders(call.headers, url.host),
    timeout: call.firstByteMs,
    ...(call.ca !== undefined && { ca: call.ca }),
  })
  return new Promise((resolve, reject) => {
    const refuse = (code: 'upstream_unreachable' | 'upstream_timeout', cause?: Error) => {
      reject(new BrokerError(code, { cause }))
      request.destroy()
    }
    request.once('error', (cause) => refuse('upstream_unreachable', cause))
    request.once('timeout', () => refuse('upstream_timeout'))
    request.once('response', (answer) => {
      refuse('upstream_unreachable', new Error(`upgrade answered with ${answer.statusCode ?? 0}`))
    })
    request.once('upgrade', (answer, upstream, first) => {
      join(call, answer, { upstream, first })
      resolve()
    })
    call.socket.once('close', () => request.destroy())
    request.end()
  })
}

/** An upgrade has no body, and whoever says how long it is (`Content-Length: 0`) says too much. */
const handshakeHeaders = (headers: readonly string[], host: string): string[] => [
  ...headers.filter((_text, i) => headers[i - (i % 2)] !== 'content-length'),
  ...['host', host, 'connection', 'Upgrade', 'upgrade', 'websocket'],
]

const passedToBrowser = new Set([
  'sec-websocket-accept',
  'sec-websocket-protocol',
  'sec-websocket-extensions',
])

const join = (
  { socket, head, requestId }: Upgrading,
  answer: IncomingMessage,
  { upstream, first }: { upstream: Duplex; first: Buffer },
): void => {
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket']
  for (const [name, value] of Object.entries(answer.headers))
    if (passedToBrowser.has(name) && typeof value === 'string') lines.push(`${name}: ${value}`)
  lines.push(`X-Request-Id: ${requestId}`)
  socket.write(`${lines.join('\r\n')}\r\n\r\n`)
  if (first.length > 0) socket.write(first)
  if (head.length > 0) upstream.write(head)
  // One side's end or failure is the other's: nothing is left half open.
  socket.pipe(upstream).pipe(socket)
  socket.once('close', () => endSoon(upstream))
  upstream.once('close', () => endSoon(socket))
  upstream.once('error', () => upstream.destroy())
}

const lastBytesMs = 5_000

/** Lets out what is written already, a close frame above all; a reader that does not read is not waited for. */
const endSoon = (side: Duplex): void => {
  const timer = setTimeout(() => side.destroy(), lastBytesMs)
  side.once('close', () => clearTimeout(timer))
  side.end(() => side.destroy())
}
