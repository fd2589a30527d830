import type { ClaimHeader, Route } from '../config/config.ts'
import type { Principal } from '../core/principal.ts'
import { claimAt } from '../oidc/principal-of.ts'

/** The claims that the routes' headers are made of: each as written, and where a path by dots would begin. */
export const claimsInHeaders = (routes: readonly Route[]): readonly string[] => {
  const names = routes
    .flatMap(({ headers = [] }) => headers.flatMap(({ parts }) => parts))
    .flatMap((part) => (typeof part === 'string' ? [] : [part.claim]))
  return [...new Set(names.flatMap((name) => [name, name.split('.', 1)[0] ?? name]))]
}

/**
 * The list with the route's own headers in the place of what the browser sent under their names: an upstream that
 * believes `X-Department` must not get it from a browser, not even where the session has no such claim.
 */
export const withClaims = (
  headers: readonly string[],
  own: readonly ClaimHeader[],
  principal: Principal | undefined,
): string[] => {
  const names = new Set(own.map(({ name }) => name))
  const list = headers.filter((_text, i) => !names.has(headers[i - (i % 2)] ?? ''))
  for (const { name, parts } of own) {
    const value = valueOf(parts, principal)
    if (value !== undefined) list.push(name, value)
  }
  return list
}

/** Undefined when a claim is not there: half a value says something else. */
const valueOf = (
  parts: ClaimHeader['parts'],
  principal: Principal | undefined,
): string | undefined => {
  const texts = parts.map((part) =>
    typeof part === 'string' ? part : claimText(claimOf(principal, part.claim)),
  )
  return texts.includes(undefined) ? undefined : texts.join('')
}

const claimOf = (principal: Principal | undefined, name: string): unknown => {
  if (principal === undefined) return undefined
  if (name === 'sub') return principal.sub
  return claimAt(principal.headerClaims ?? {}, name) ?? claimAt(principal.claims, name)
}

/** A text, number or truth value, or a list of them with commas between; nothing else fits in a header. */
const claimText = (claim: unknown): string | undefined => {
  if (!Array.isArray(claim)) return plainText(claim)
  const texts = claim.map((item) => plainText(item)?.replaceAll(',', '%2C'))
  return texts.length === 0 || texts.includes(undefined) ? undefined : texts.join(',')
}

const plainText = (claim: unknown): string | undefined => {
  if (typeof claim === 'number' || typeof claim === 'boolean') return String(claim)
  return typeof claim === 'string' && claim !== '' ? safeText(claim) : undefined
}

/** What is not printable ASCII, `%` itself, and blanks at the ends, which a parser of headers would take off. */
const unsafe = /[^\x20-\x7e]|%|^ +| +$/gu

/** As UTF-8 with percent signs: a claim cannot end the header, nor look like another one; decoding gives it back whole. */
const safeText = (text: string): string =>
  text.replace(unsafe, (part) =>
    [...Buffer.from(part, 'utf8')]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join(''),
  )
