import type { Route } from '../config/config.ts'
import { BrokerError } from '../core/errors.ts'
import type { Call } from '../http/call.ts'

/**
 * Refuses a call with an access token in its query, on a route that sends one of ours: of two tokens one API checks the first and
 * uses the second, and who brings the second would say whose call it is (RFC 6750 section 2: one way in each request).
 */
export const refuseQueryToken = (
  { url = '' }: Pick<Call, 'url'>,
  { token }: Pick<Route, 'token'>,
): void => {
  const mark = url.indexOf('?')
  if (mark === -1 || token === 'none' || !hasToken(url.slice(mark + 1))) return
  throw new BrokerError('invalid_request', { detail: 'The query has an access_token.' })
}

/** Some servers part a query at `;` as well, and some do not tell names apart by case. */
const hasToken = (query: string): boolean => {
  if (!/access_token|%/i.test(query)) return false
  const names = new URLSearchParams(query.replaceAll(';', '&')).keys()
  return [...names].some((name) => name.toLowerCase() === 'access_token')
}
