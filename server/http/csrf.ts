import { BrokerError } from '../core/errors.ts'
import type { SessionId } from '../core/ids.ts'
import type { Call } from './call.ts'
import type { Caller } from './caller.ts'
import type { KeyedHash } from './keyed-hash.ts'
import { header } from './raw-headers.ts'

const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/** RFC 9110 section 9.2.1, less TRACE, which is refused everywhere. */
export const isSafeMethod = (method: string | undefined): boolean => safeMethods.has(method ?? '')

/** The CSRF token as it came: `X-CSRF-Token` before `X-XSRF-TOKEN`. */
export const sentCsrfToken = (req: Call): string | undefined =>
  header(req, 'x-csrf-token') ?? header(req, 'x-xsrf-token')

export type CsrfCase = {
  readonly method: string | undefined
  readonly caller: Caller
  readonly token: string | undefined
  readonly sessionId: SessionId
}

/**
 * Passes when the app itself made the call; throws `csrf_missing` or `csrf_invalid`.
 *
 * SameSite does not stop a sibling subdomain or an old browser: an unsafe method needs the header that no foreign page
 * can send, and a safe one at least some evidence (RFC 10017 section 6.1.3.3).
 */
export const requireCsrf = (hash: KeyedHash, call: CsrfCase): void => {
  if (isSafeMethod(call.method) && call.caller === 'app') return
  if (call.token === undefined || call.token === '') throw new BrokerError('csrf_missing')
  if (!hash.matches('csrf', call.sessionId, call.token)) throw new BrokerError('csrf_invalid')
}
