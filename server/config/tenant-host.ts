import { isIP } from 'node:net'
import { err, ok } from '../core/result.ts'
import type { Parser } from './parsers.ts'

const label = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?'
const plainHost = new RegExp(`^(?=.{1,253}$)${label}(?:\\.${label})*$`)

/** A host as browsers send it: in lower case, without the root's dot, other scripts as `xn--`. RFC 5891 section 4.4. */
export const tenantHost: Parser<string> = (text) => {
  if (/[/\\?#@%\s]/.test(text)) return err('is not a host alone: leave out scheme, path and user')
  if (text.includes('*')) return err('has a wildcard: name each host')
  if (/:\d*$/.test(text) && isIP(text) !== 6)
    return err('has a port: scheme and port are those of BASE_URL')
  const address = `https://${text.replace(/\.$/, '')}`
  const host = URL.canParse(address) ? new URL(address).hostname : ''
  return plainHost.test(host) ? ok(host) : err('is not a host name such as acme.app.example')
}
