import type { Route } from '../config/config.ts'

/** The route for a canonical path: the longest prefix by whole segments, or undefined. */
export type RouteTable = (path: string) => Route | undefined

/**
 * What some APIs read like something shorter: capitals; the dots and blanks at a segment's end that Windows takes off; and an encoded `?` or `#`
 * where a server in front of the API decodes before it cuts (CVE-2024-38474).
 */
const readTwice = /[A-Z]|(?:\.|%20)(?:\/|$)|%(?:3f|23)/
const cutOff = /%(?:3f|23).*$/
/** Begins where a run does: from within it, a long one would be walked once for each of its dots. */
const trimmedAway = /(?<!\.|%20)(?:\.|%20)+(?=\/|$)/g
const asReadAgain = (path: string): string =>
  path.toLowerCase().replace(cutOff, '').replace(trimmedAway, '')

/**
 * Looks routes up by their paths, one map probe per segment of the longest, however many routes there are and however long a path is.
 * Whole segments only: `/api` must not serve `/apix`. Case counts (RFC 3986 section 6.2.2.1), but `/api/ADMIN` is nobody's where `/api/admin` has
 * rules of its own, nor is `/api/admin.`: an API that reads both alike would be asked by the rules of `/api`.
 */
export const routeTable = (routes: readonly Route[]): RouteTable => {
  const exactly = longestPrefix(routes, ({ path }) => path)
  const readAgain = longestPrefix(routes, ({ path }) => asReadAgain(path))
  return (path) => {
    const route = exactly(path)
    if (route === undefined || !readTwice.test(path)) return route
    const alike = readAgain(asReadAgain(path))
    return alike !== undefined && alike.path.length > route.path.length ? undefined : route
  }
}

const longestPrefix = (routes: readonly Route[], nameOf: (route: Route) => string): RouteTable => {
  const byName = new Map(routes.map((route) => [route.path === '/' ? '' : nameOf(route), route]))
  const longest = [...byName.keys()].reduce((most, { length }) => Math.max(most, length), 0)
  return (path) => {
    // What is longer than every route is none's name: a path of thousands of segments would be read once for each.
    let end = path.length > longest ? path.lastIndexOf('/', longest) : path.length
    while (end > 0) {
      const route = byName.get(path.slice(0, end))
      if (route !== undefined) return route
      end = path.lastIndexOf('/', end - 1)
    }
    return byName.get('')
  }
}
