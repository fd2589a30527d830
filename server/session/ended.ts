import { BrokerError } from '../core/errors.ts'
import type { EndReason } from './backend.ts'

/** The code that says so, to whoever cannot be told where to log in. */
export const endedCode = (reason: EndReason): 'session_expired' | 'session_revoked' =>
  reason === 'session_revoked' || reason === 'replaced' ? 'session_revoked' : 'session_expired'

/** Asks the provider, at top level and without a form, whether the person is still logged in there. */
const silently = '?prompt=none'

/**
 * The answer to a call whose session is over, with the way to a new one.
 * A session lost to a refresh in doubt comes back without a form where the provider's own session stands.
 */
export const sessionEnded = (
  reason: EndReason | 'missing',
  loginPath: string,
  cause?: unknown,
): BrokerError => {
  switch (reason) {
    case 'missing':
    case 'session_expired':
      return new BrokerError('session_expired', { loginUrl: loginPath, cause })
    case 'refresh_in_doubt':
      return new BrokerError('session_expired', { loginUrl: `${loginPath}${silently}`, cause })
    case 'session_revoked':
    case 'replaced':
      return new BrokerError('session_revoked', { loginUrl: loginPath, cause })
  }
}
