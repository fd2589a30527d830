import type { Call } from './call.ts'
import { header } from './raw-headers.ts'

/** Who made the browser send this: the app itself, another site, or nobody can tell. */
export type Caller = 'app' | 'foreign' | 'unknown'

/**
 * Where a call comes from, by Fetch Metadata first and `Origin` second.
 *
 * `same-site` is foreign: a sibling subdomain is not the app. `none` and values yet to be invented prove nothing, so
 * `Origin` decides; `Origin: null` (sandboxed frames) is foreign. https://www.w3.org/TR/fetch-metadata/ section 2.
 */
export const callerOf = (req: Call, ownOrigin: string, cors: readonly string[] = []): Caller => {
  const origin = header(req, 'origin')
  if (origin !== undefined && cors.includes(origin)) return 'app'
  if (origin !== undefined && origin !== ownOrigin) return 'foreign'
  const site = header(req, 'sec-fetch-site')
  if (site === 'same-site' || site === 'cross-site') return 'foreign'
  return site === 'same-origin' || origin === ownOrigin ? 'app' : 'unknown'
}

/** Whether a person's browser goes there: by Fetch Metadata, and without it a GET that accepts HTML. */
export const isNavigation = (req: Call): boolean => {
  const mode = header(req, 'sec-fetch-mode')
  if (mode !== undefined) return mode === 'navigate'
  const accept = header(req, 'accept') ?? ''
  return (req.method === 'GET' || req.method === 'HEAD') && accept.includes('text/html')
}

/**
 * Whether this is a person going somewhere in a tab of their own.
 * Refuses frames and prefetches: neither was meant by anybody, and both would start logins by themselves.
 */
export const isTopLevelNavigation = (req: Call): boolean => {
  const destination = header(req, 'sec-fetch-dest')
  if (isPeek(req)) return false
  if (destination !== undefined && destination !== 'document') return false
  return header(req, 'sec-fetch-mode') === undefined
    ? req.method === 'POST' || isNavigation(req)
    : isNavigation(req)
}

/** How browsers say that nobody has asked for this yet; the last two are older ones. */
const purposes = ['sec-purpose', 'purpose', 'x-purpose', 'x-moz']

/** A browser that only looks ahead, or no browser: none goes anywhere by HEAD. */
export const isPeek = (req: Call): boolean =>
  req.method === 'HEAD' ||
  purposes.some((name) => /prefetch|prerender|preview/i.test(header(req, name) ?? ''))
