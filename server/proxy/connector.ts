import { buildConnector, errors } from 'undici'

/** What the connections of one pool have in common. */
export type ConnectOptions = {
  readonly connectMs: number
  /** Certificates as PEM that vouch for the upstream, instead of the system's. */
  readonly ca: string | undefined
}

/**
 * Connects within the time, handshake of TLS included. undici's own timer comes up to a second late, by design: it ends
 * the socket, and this one ends the waiting.
 *
 * HTTP/1.1 alone is offered: header lists and framing are written for it.
 */
export const connector = ({ connectMs, ca }: ConnectOptions): buildConnector.connector => {
  const connect = buildConnector({
    timeout: connectMs,
    allowH2: false,
    ...(ca !== undefined && { ca }),
  })
  return (options, done) => {
    let late = false
    connect(options, (...outcome) => {
      clearTimeout(timer)
      if (late) outcome[1]?.destroy()
      else done(...outcome)
    })
    const timer = setTimeout(() => {
      late = true
      done(new errors.ConnectTimeoutError(`no connection within ${connectMs} ms`), null)
    }, connectMs)
  }
}
