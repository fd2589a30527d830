import { buildConnector } from 'undici'

/**
 * Connections to upstreams whose reset is a failure under every framing.
 *
 * undici takes ECONNRESET for the end of a body that the connection's end delimits, and a part would look like the whole:
 * only an orderly end completes such an answer (RFC 9112 section 8). Under another name the reset is an error to it.
 */
export const upstreamConnector = (timeoutMs: number): buildConnector.connector => {
  const connect = buildConnector({ timeout: timeoutMs })
  return (options, callback) =>
    connect(options, (...[error, socket]) => {
      if (error !== null) return callback(error, null)
      socket.on('error', (failure: Error & { code?: string }) => {
        if (failure.code === 'ECONNRESET') failure.code = 'UND_ERR_SOCKET'
      })
      callback(null, socket)
    })
}
