import { BrokerError } from '../core/errors.ts'

const timeouts = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
])

/** The connection could not be made, or ended before any byte of an answer. */
const connectionFailures = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
])

/** How OpenSSL and Node name what is wrong with a certificate or a handshake. */
const tlsFailure = /^(?:ERR_TLS_|ERR_SSL_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|EPROTO$)/

type Coded = Error & { readonly code?: unknown }

/** Whether the same request may fare better on a new connection; an answer that is late or makes no sense does not. */
export const isConnectionFailure = ({ code }: Coded): boolean =>
  typeof code === 'string' && (connectionFailures.has(code) || tlsFailure.test(code))

/** Whether the caller has waited for the connection in vain. */
export const isLateConnection = ({ code }: Coded): boolean =>
  code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT'

/** What the client hears of a failed exchange with an upstream. */
export const toUpstreamError = (cause: Coded): BrokerError => {
  if (cause instanceof BrokerError) return cause
  const late = typeof cause.code === 'string' && timeouts.has(cause.code)
  return new BrokerError(late ? 'upstream_timeout' : 'upstream_unreachable', { cause })
}
