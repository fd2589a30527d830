import { BrokerError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { TokenWant } from '../core/token-set.ts'

/** What to look at, by the OAuth error. RFC 6749 section 5.2, RFC 8693 section 2.2.2, RFC 8707 section 2. */
const advice: Readonly<Record<string, string>> = {
  invalid_target: 'the provider does not know audience or resource of the route for this client',
  invalid_scope: 'the client may not ask for scope of the route, or the scope is not known',
  unauthorized_client:
    'the client may not use this grant, or not by this secret: allow it in its registration',
  unsupported_grant_type: 'the provider does not have this grant',
  invalid_client:
    'the provider does not know the client by its secret or key, or (Keycloak) audience of the route',
  access_denied: 'a policy of the provider forbids it',
  invalid_request: 'the provider takes neither the request nor the token that came with it',
  invalid_grant: 'the provider does not take the token that came with the request',
  unusable_answer: 'the answer brings no bearer access token that could be sent',
}

/** The refusal that a call gets when asking again will not help, and the line for whoever set the route up. */
export const grantRefusal = (
  log: Log,
  refused: { readonly reason: string; readonly cause: unknown },
  want: TokenWant,
  facts: Readonly<Record<string, unknown>>,
): BrokerError => {
  const { reason, cause } = refused
  const hint = advice[reason] ?? 'see the error of the provider'
  log.error(
    { ...facts, ...want, reason, hint, err: cause },
    'the provider gives no token for a route',
  )
  return refusal(reason)
}

/** The same refusal again, of which the log has been told. */
export const refusal = (reason: string): BrokerError =>
  new BrokerError('token_refused', { cause: new Error(reason) })
