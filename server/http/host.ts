import type { Call } from './call.ts'
import { header } from './raw-headers.ts'

/** `host` or `host:port` as browsers send it for this origin: lower case, default port left out. */
export const hostOf = (origin: string): string => new URL(origin).host

/**
 * Whether the request names our host; `Host` may spell out the scheme's default port.
 * A foreign one would poison links and reach another tenant (RFC 9110 section 7.4).
 */
export const isOwnHost = (req: Call, origin: string): boolean => {
  const host = header(req, 'host')?.toLowerCase()
  const own = hostOf(origin)
  if (host === own) return true
  const defaultPort = origin.startsWith('https:') ? ':443' : ':80'
  return host === `${own}${defaultPort}` && !/:\d+$/.test(own)
}
