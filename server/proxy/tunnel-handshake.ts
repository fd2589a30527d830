import type { ClientRequest, IncomingMessage } from 'node:http'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Duplex } from 'node:stream'
import { BrokerError } from '../core/errors.ts'

/** One admitted upgrade on its way to the upstream. */
export type Upgrading = {
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

/** An upstream that has agreed, and what the browser is to be told of it. */
export type Agreed = { readonly upstream: Duplex; readonly first: Buffer; readonly answer: string }

/**
 * Opens a WebSocket at the upstream (RFC 6455 section 4.1). Rejects with `upstream_unreachable` or `upstream_timeout`, also when
 * the browser goes away meanwhile.
 */
export const shakeHands = (call: Upgrading): Promise<Agreed> => {
  const request = handshake(call)
  return new Promise((resolve, reject) => {
    const refuse = (code: 'upstream_unreachable' | 'upstream_timeout', cause?: Error) => {
      call.socket.removeListener('close', leave)
      reject(new BrokerError(code, { cause }))
      request.destroy()
    }
    const leave = () => refuse('upstream_unreachable', new Error('the browser went away'))
    request.once('error', (cause) => refuse('upstream_unreachable', cause))
    request.once('timeout', () => refuse('upstream_timeout'))
    request.once('response', (answer) => {
      refuse('upstream_unreachable', new Error(`upgrade answered with ${answer.statusCode ?? 0}`))
    })
    request.once('upgrade', (answer, upstream, first) => {
      call.socket.removeListener('close', leave)
      upstream.setTimeout(0)
      upstream.setKeepAlive(true, keepAliveMs)
      resolve({ upstream, first, answer: agreement(answer, call.requestId) })
    })
    call.socket.once('close', leave)
    request.end()
  })
}

/** A WebSocket may be quiet for days: TCP finds out whether the other side is still there. */
const keepAliveMs = 60_000

const handshake = (call: Upgrading): ClientRequest => {
  const { origin, ca, pathWithQuery, headers, firstByteMs } = call
  const url = new URL(origin)
  return (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, {
    method: 'GET',
    path: pathWithQuery,
    // Node takes a flat list as it takes raw headers; its types know only objects.
    headers: handshakeHeaders(headers, url.host),
    timeout: firstByteMs,
    ...(ca !== undefined && { ca }),
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

const agreement = (answer: IncomingMessage, requestId: string): string => {
  const lines = ['HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: websocket']
  for (const [name, value] of Object.entries(answer.headers))
    if (passedToBrowser.has(name) && typeof value === 'string') lines.push(`${name}: ${value}`)
  lines.push(`X-Request-Id: ${requestId}`)
  return `${lines.join('\r\n')}\r\n\r\n`
}
