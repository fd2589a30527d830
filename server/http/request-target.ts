import type { Result } from '../core/result.ts'
import { err, ok } from '../core/result.ts'

/** Path and query as they came, byte for byte, once they proved canonical. */
export type RequestTarget = { readonly path: string; readonly query: string }

export type TargetRefusal =
  | { readonly kind: 'foreign_authority' }
  | { readonly kind: 'not_canonical'; readonly detail: string }

/** Letters, digits and marks that RFC 3986 section 2.3 never needs encoded, and separators that hide in an escape. */
const neverEncoded = /%(?:2[def]|3[0-9b]|[46][1-9a-f]|5[0-9acf]|7[0-9ae]|[01][0-9a-f]|7f)/i
const doubleEncoded = /%25[0-9a-f]{2}/i
const malformedEscape = /%(?![0-9a-f]{2})/i
const plainPath = /^(?:\/[A-Za-z0-9_~!$&'()*+,=:@-]+)+\/?$/

/**
 * The path that is matched *and* forwarded, or why it is refused.
 *
 * Two readers must never see two paths: `..`, `%2e`, `%2f`, `%5c`, `//`, `;`, a backslash, an encoded letter or a
 * double escape would let `/api/x/..%2fadmin` pass the rule of one route and reach another (RFC 3986 section 6.2.2).
 */
export const parseRequestTarget = (
  raw: string,
  ownHost: string,
): Result<RequestTarget, TargetRefusal> => {
  if (!raw.startsWith('/')) return absoluteForm(raw, ownHost)
  const mark = raw.indexOf('?')
  const path = mark === -1 ? raw : raw.slice(0, mark)
  const query = mark === -1 ? '' : raw.slice(mark)
  if (path === '/' || plainPath.test(path)) return queryChecked(path, query)
  const detail = pathFault(path)
  return detail === undefined ? queryChecked(path, query) : notCanonical(detail)
}

const notCanonical = (detail: string) => err({ kind: 'not_canonical', detail } as const)

const queryChecked = (path: string, query: string): Result<RequestTarget, TargetRefusal> =>
  query.includes('#') ? notCanonical('The query has a "#"; encode it as %23.') : ok({ path, query })

/** RFC 9112 section 3.2.2: the target's own authority outranks Host, so a foreign one is a foreign host. */
const absoluteForm = (raw: string, ownHost: string): Result<RequestTarget, TargetRefusal> => {
  const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(raw)?.[1]
  if (authority !== undefined && authority.toLowerCase() !== ownHost)
    return err({ kind: 'foreign_authority' })
  return notCanonical('The request target must start with "/".')
}

const pathFault = (path: string): string | undefined => {
  if (path.includes('//')) return 'The path has an empty segment ("//").'
  if (/[\\;#]/.test(path)) return 'The path has a backslash, a semicolon or a "#".'
  if (/[^\u0021-\u007e]/.test(path)) return 'The path has a character outside printable ASCII.'
  if (/["<>^`{}]/.test(path)) return 'The path has a character that must be percent-encoded.'
  // URL parsers and Windows trim the blanks of `..%20`.
  if (/\/(?:%20)*\.{1,2}(?:%20)*(?:\/|$)/.test(path)) return 'The path has a dot segment.'
  if (malformedEscape.test(path)) return 'The path has a "%" that starts no escape.'
  if (doubleEncoded.test(path)) return 'The path is encoded twice.'
  if (neverEncoded.test(path))
    return 'The path encodes a character that must stand plain or not at all.'
  return isUtf8(path) ? undefined : 'The escapes in the path are not UTF-8.'
}

const isUtf8 = (path: string): boolean => {
  try {
    decodeURIComponent(path)
    return true
  } catch {
    return false
  }
}
