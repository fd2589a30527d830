import { buildConnector, errors } from 'undici'

/** What the connections of one pool have in common. */
export type ConnectOptions = {
  readonly connectMs: number
  /** Certificates as PEM that vouch for the upstream, instead of the system's. */
  readonly ca: string | undefined
}

/**
 * Connections to upstreams, made within the time, and whose reset is a failure under every framing.
 *
 * undici's own timer may come a second late, by design: it ends the socket, and this one the waiting, TLS included.
 * HTTP/1.1 alone is offered: header lists and framing are written for it.
 */
export const upstreamConnector = ({ connectMs, ca }: ConnectOptions): buildConnector.connector => {
  const connect = buildConnector({
    timeout: connectMs,
    allowH2: false,
    ...(ca !== undefined && { ca }),
  })
  return (options, callback) => {
    let late = false
    connect(options, (...[error, socket]) => {
      clearTimeout(timer)
      if (late) return void socket?.destroy()
      if (error !== null) return callback(error, null)
      socket.on('error', nameReset)
      callback(null, socket)
    })
    const timer = setTimeout(() => {
      late = true
      callback(new errors.ConnectTimeoutError(`no connection within ${connectMs} ms`), null)
    }, connectMs)
  }
}

/**
 * undici takes ECONNRESET for the end of a body that the connection's end delimits, and a part would look like the whole:
 * only an orderly end completes such an answer (RFC 9112 section 8). Under another name the reset is an error to it.
 */
const nameReset = (failure: Error & { code?: string }): void => {
  if (failure.code === 'ECONNRESET') failure.code = 'UND_ERR_SOCKET'
}
