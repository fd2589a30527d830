import type { Route } from '../config/config.ts'

/** The route for a canonical path: the longest prefix by whole segments, or undefined. */
export type RouteTable = (path: string) => Route | undefined

/**
 * Looks routes up by their paths, one map probe per segment, however many routes there are.
 * Whole segments only: `/api` must not serve `/apix`.
 */
export const routeTable = (routes: readonly Route[]): RouteTable => {
  const byPath = new Map(routes.map((route) => [route.path === '/' ? '' : route.path, route]))
  return (path) => {
    let end = path.length
    while (end > 0) {
      const route = byPath.get(path.slice(0, end))
      if (route !== undefined) return route
      end = path.lastIndexOf('/', end - 1)
    }
    return byPath.get('')
  }
}
