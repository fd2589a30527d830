import type { Route } from '../config/config.ts'
import { remembered } from '../core/remembered.ts'
import { isOwnAddress } from '../http/endpoints.ts'

const hopByHop = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/** What would act on the whole origin, or speak in the broker's name. */
const neverPassed = new Set([
  ...hopByHop,
  'clear-site-data',
  'service-worker-allowed',
  'refresh',
  'strict-transport-security',
  'public-key-pins',
  'alt-svc',
  'nel',
  'report-to',
  'reporting-endpoints',
  'content-security-policy-report-only',
  'x-content-type-options',
  'x-request-id',
  'x-powered-by',
  'server',
  'date',
  // Orders to a proxy in front of us: to fetch another address, to send a file of its own.
  'x-accel-redirect',
  'x-sendfile',
])

/** What a CDN or nginx in front believes before Cache-Control, `CDN-Cache-Control` and its like above all (RFC 9213). */
const aimedAtCaches = /^(?:surrogate-control|edge-control|x-accel-expires|.+-cache-control)$/

/** An API's HTML would run in the app's origin, as the app. */
const sandbox = "default-src 'none'; sandbox; frame-ancestors 'none'"

export type ResponseFacts = {
  readonly route: Route
  readonly requestId: string
  /** Origin and path prefix of the upstream that answered. */
  readonly upstreamOrigin: string
  /** What the upstream was asked for, to resolve a relative Location. */
  readonly upstreamPath: string
  /** BASE_URL's: an upstream that reads X-Forwarded-Host redirects there. */
  readonly ownOrigin: string
  /** The prefix that our paths have, and an upstream does not know; none without. */
  readonly base?: string
  /** The prefixes of other tenants at this place; none where there are no others. */
  readonly othersBases?: readonly string[] | undefined
  /** The caller's origin when the route's CORS list has it. */
  readonly corsOrigin: string | undefined
}

type KnownName = {
  readonly name: string
  /** Never the upstream's to say. */
  readonly isOurs: boolean
  readonly isForCaches: boolean
}

const namesKept = 1_000

/** Upstreams send the same few names. */
const knownName = remembered((rawName): KnownName => {
  const name = rawName.toLowerCase()
  const isOurs = neverPassed.has(name) || name.startsWith('access-control-')
  return { name, isOurs, isForCaches: aimedAtCaches.test(name) }
}, namesKept)

/** The header list for the browser: the upstream's, less what must not pass, with our policy in place. */
export const browserHeaders = (raw: readonly string[], facts: ResponseFacts): string[] => {
  const { pass } = facts.route
  const named = connectionNames(raw)
  const headers: string[] = []
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const { name, isOurs, isForCaches } = knownName(raw[i] ?? '')
    if (isOurs || named?.has(name) || withheld(name, pass, isForCaches)) continue
    const value = passedValue(name, raw[i + 1] ?? '', facts)
    if (value !== undefined) headers.push(name, value)
  }
  if (!pass.cache) headers.push('cache-control', 'no-store')
  if (!pass.html) headers.push('content-security-policy', sandbox)
  headers.push('x-content-type-options', 'nosniff', 'x-request-id', facts.requestId)
  addCors(headers, facts.corsOrigin)
  return headers
}

const connectionNames = (raw: readonly string[]): Set<string> | undefined => {
  let names: Set<string> | undefined
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]?.length !== 10 || raw[i]?.toLowerCase() !== 'connection') continue
    const named = raw[i + 1] ?? ''
    // The two that come with nearly every answer name no header.
    if (named === 'keep-alive' || named === 'close') continue
    names ??= new Set()
    for (const name of named.split(',')) names.add(name.trim().toLowerCase())
  }
  names?.delete('content-length')
  return names
}

const withheld = (name: string, pass: Route['pass'], isForCaches: boolean): boolean => {
  switch (name) {
    case 'cache-control':
    case 'expires':
    case 'pragma':
    case 'age':
      // The browser's request has no Authorization: a shared cache would not know the answer is private.
      return !pass.cache
    case 'content-security-policy':
      return !pass.html
    case 'www-authenticate':
      return !pass.wwwAuthenticate
    default:
      return isForCaches && !pass.cache
  }
}

const passedValue = (name: string, value: string, facts: ResponseFacts): string | undefined => {
  if (name === 'set-cookie')
    return facts.route.pass.setCookie && isForeignCookie(value)
      ? below(value, facts.base)
      : undefined
  return name === 'location' ? locationFor(value, facts) : value
}

/** An upstream may never set a cookie of the broker's names, nor one for a wider domain; `=session=x` comes back as `session=x`. */
const isForeignCookie = (setCookie: string): boolean =>
  !/^[\s=]*(?:__host-|__secure-|session\b|login(?:-[^=]*)?\s*=|xsrf-token\s*=)/i.test(setCookie) &&
  !/;\s*domain\s*=/i.test(setCookie)

/** A cookie for `/` would go to all tenants of the host. */
const below = (setCookie: string, base: string | undefined): string =>
  base === undefined || base === ''
    ? setCookie
    : setCookie.replace(/;\s*path\s*=\s*(?=\/)/gi, `; Path=${base}`)

/**
 * A redirect within the upstream, or within our own origin, as a path on ours; one to anywhere else does not pass, nor
 * one to the broker's own endpoints or into another tenant's prefix, where the browser would log in or out on an API's word.
 */
const locationFor = (value: string, facts: ResponseFacts): string | undefined => {
  const base = `${facts.upstreamOrigin}${facts.upstreamPath}`
  if (!URL.canParse(value, base)) return undefined
  const url = new URL(value, base)
  if (url.pathname.startsWith('//')) return undefined
  const path = pathOnOurs(url, facts)
  if (path === undefined || isOwnAddress(path) || isOthers(path, facts)) return undefined
  return `${facts.base ?? ''}${path}${url.search}${url.hash}`
}

const pathOnOurs = ({ origin, pathname }: URL, facts: ResponseFacts): string | undefined => {
  if (origin === facts.upstreamOrigin) return `${facts.route.stripPrefix}${pathname}`
  if (origin !== facts.ownOrigin) return undefined
  const { base = '' } = facts
  return base !== '' && pathname.startsWith(`${base}/`) ? pathname.slice(base.length) : pathname
}

const isOthers = (path: string, { othersBases = [] }: ResponseFacts): boolean =>
  othersBases.some((base) => `${path}/`.startsWith(`${base}/`))

const addCors = (headers: string[], origin: string | undefined): void => {
  if (origin === undefined) return
  headers.push('access-control-allow-origin', origin, 'access-control-allow-credentials', 'true')
  headers.push('vary', 'Origin')
}
