import type { Result } from '../core/result.ts'
import { err, ok } from '../core/result.ts'
import type { ClaimHeader } from './config.ts'

/** RFC 9110 section 5.6.2, less `_`: CGI-like servers take `X_User` for `X-User`. */
const headerName = /^[a-z0-9!#$%&'*+.^`|~-]{1,100}$/

/** What the broker says itself, what belongs to a connection, and what describes the message. */
const reserved = new RegExp(
  `^(?:${[
    'authorization|cookie|dpop|forwarded|via|x-request-id|traceparent|tracestate|max-forwards',
    'x-forwarded(?!-(?:user|email|groups|preferred-username)$).*',
    'x-(?:original|rewrite)-.*|x-http-method.*|x-method-override|x-real-ip',
    'x-csrf-token|x-xsrf-token|x-forward-auth-secret',
    'connection|keep-alive|proxy|proxy-.*|te|trailer|transfer-encoding|upgrade|expect|host',
    'http2-settings|content-.*|sec-.*',
  ].join('|')})$`,
)

/** `{claims.name}`: the name of a claim, or a path into one by dots. */
const placeholder = /\{claims\.([^{}]+)\}/

/** A header's name and template, taken apart once. */
export const claimHeader = (rawName: string, template: string): Result<ClaimHeader, string> => {
  const name = rawName.toLowerCase()
  if (!headerName.test(name)) return err('is not a name for a header (nor may it have a _)')
  if (reserved.test(name)) return err('is a header that the broker or the connection sets')
  // A capturing split: texts and names of claims take turns.
  const parts = template
    .split(placeholder)
    .map((text, i) => (i % 2 === 0 ? text : { claim: text }))
    .filter((part) => part !== '')
  const texts = parts.filter((part) => typeof part === 'string').join('')
  if (parts.length === 0) return err('is empty')
  if (/[{}]/.test(texts)) return err('has a brace that belongs to no {claims.name}')
  return /^[\x20-\x7e]*$/.test(texts)
    ? ok({ name, parts })
    : err('has a line break, or another character no header has')
}
