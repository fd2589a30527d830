import type { Call } from './call.ts'
import { header } from './raw-headers.ts'

/** `host` or `host:port` as browsers send it for this origin: lower case, default port left out. */
export const hostOf = (origin: string): string => new URL(origin).host

/**
 * Tells whether a request names our host; `Host` may spell out the scheme's default port.
 * A foreign one would poison links and reach another tenant (RFC 9110 section 7.4).
 */
export const ownHostCheck = (origin: string) => {
  const own = hostOf(origin)
  const defaultPort = origin.startsWith('https:') ? ':443' : ':80'
  const spelledOut = /:\d+$/.test(own) ? own : `${own}${defaultPort}`
  return (req: Call): boolean => {
    const host = header(req, 'host')?.toLowerCase()
    return host === own || host === spelledOut
  }
}
