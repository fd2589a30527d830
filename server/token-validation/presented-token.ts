import type { Result } from '../core/result.ts'
import { err, ok } from '../core/result.ts'
import { isJsonObject } from '../core/json-object.ts'

export type Scheme = 'Bearer' | 'DPoP'

/** As much of a request as is looked at: one of node:http, Express, Fastify's `raw`, or the `Request` of fetch. */
export type TokenRequest = {
  readonly method?: string | undefined
  readonly url?: string | undefined
  /** Express's, which a router does not shorten. */
  readonly originalUrl?: string | undefined
  readonly headers: HeaderFields | { readonly get: (name: string) => string | null }
  /** Shows a header that was sent twice. */
  readonly rawHeaders?: readonly string[] | undefined
  /** A form that was parsed already. */
  readonly body?: unknown
}

type HeaderFields = Readonly<Record<string, string | readonly string[] | undefined>>

export type Presented = { readonly scheme: Scheme; readonly token: string }

export type NotPresented = 'no_token' | 'several_tokens' | 'malformed_header'

/**
 * The access token of a request: in `Authorization`, once, and in no other way. RFC 6750 section 2.
 *
 * A token in the address ends up in logs and histories (section 5.3); with two tokens one reader checks the first and another uses
 * the second.
 */
export const presentedToken = (
  request: TokenRequest,
  schemes: readonly Scheme[],
): Result<Presented, NotPresented> => {
  const value = headerOf(request, 'authorization')
  if (value === undefined) return err('no_token')
  const isTwice = timesSent(request, 'authorization') > 1
  if (isTwice || isInQuery(request) || isInBody(request)) return err('several_tokens')
  const [name = ''] = value.split(' ', 1)
  const scheme = schemes.find((one) => one.toLowerCase() === name.toLowerCase())
  // Another scheme is no token of ours, and no mistake either.
  if (scheme === undefined) return value.includes(',') ? err('malformed_header') : err('no_token')
  const token = /^[A-Za-z]+ +([A-Za-z0-9._~+/-]+=*)$/.exec(value)?.[1]
  return token === undefined ? err('malformed_header') : ok({ scheme, token })
}

/** A header that stands once; two are joined. Node has the names in lower case, other gateways as they came. */
export const headerOf = ({ headers }: TokenRequest, name: string): string | undefined => {
  if (typeof headers.get === 'function') return headers.get(name) ?? undefined
  const values = Object.entries(headers as HeaderFields)
    .filter(([spelt]) => spelt.toLowerCase() === name)
    .flatMap(([, value]) => value ?? [])
  return values.length === 0 ? undefined : values.join(', ')
}

export const timesSent = ({ rawHeaders = [] }: TokenRequest, name: string): number =>
  rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === name).length

/** The address as the caller wrote it: path with query, or a whole URL. */
export const addressOf = ({ originalUrl, url }: TokenRequest): string => originalUrl ?? url ?? '/'

const isInQuery = (request: TokenRequest): boolean => {
  const address = addressOf(request)
  const query = address.includes('?') ? address.slice(address.indexOf('?') + 1) : ''
  return new URLSearchParams(query).has('access_token')
}

/** RFC 6750 section 2.2: in a form alone; a JSON body may have a field of that name. */
const isInBody = (request: TokenRequest): boolean =>
  /^application\/x-www-form-urlencoded\b/i.test(headerOf(request, 'content-type') ?? '') &&
  isJsonObject(request.body) &&
  Object.hasOwn(request.body, 'access_token')
