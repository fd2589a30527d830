import type { Config, Requirement, Route } from '../../server/config/config.ts'

const heads = ['path', 'methods', 'tenants', 'token', 'who may', 'upstream'] as const

/** The routes as a table, in the order in which a path finds them: the longest first. */
export const routeTableText = (
  { origin }: Pick<Config, 'origin'>,
  routes: readonly Route[],
): string => {
  const longestFirst = routes.toSorted(
    (a, b) => b.path.split('/').length - a.path.split('/').length || a.path.localeCompare(b.path),
  )
  const rows = [heads, ...longestFirst.map(rowOf)]
  const widths = heads.map((_head, i) => Math.max(...rows.map((row) => (row[i] ?? '').length)))
  const lines = rows.map((row) =>
    row
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  return `${origin}\n\n${lines.join('\n')}\n`
}

const rowOf = (route: Route): readonly string[] => [
  route.path,
  `${route.methods?.join(' ') ?? 'all'}${route.websocket ? ' +WebSocket' : ''}`,
  route.tenants?.join(' ') ?? 'all',
  wanted(route),
  whoMay(route),
  route.upstreams.join(' '),
]

const wanted = ({ token, audience, resource, scope }: Route): string => {
  const facts = { audience, resource, scope: scope && `"${scope}"` }
  const named = Object.entries(facts).flatMap(([key, value]) => (value === undefined ? [] : `${key}=${value}`)) // prettier-ignore
  return named.length === 0 ? token : `${token} (${named.join(' ')})`
}

const whoMay = ({ public: open, require: asks, csrf, cors }: Route): string =>
  [
    open ? 'anybody' : 'whoever is logged in',
    ...(asks === undefined ? [] : requirementParts(asks)),
    csrf ? undefined : 'no CSRF token',
    cors.length > 0 ? `also from ${cors.join(' ')}` : undefined,
  ]
    .filter((part) => part !== undefined)
    .join('; ')

const requirementParts = ({ roles, scopes, acr, maxAgeSeconds }: Requirement): string[] => [
  ...Object.entries(roles ?? {}).flatMap(([which, names]) => names === undefined ? [] : `roles.${which}: ${names.join(' ')}`), // prettier-ignore
  ...(scopes === undefined ? [] : [`scopes: ${scopes.join(' ')}`]),
  ...(acr === undefined ? [] : [`acr: ${acr.join(' ')}`]),
  ...(maxAgeSeconds === undefined ? [] : [`max_age: ${maxAgeSeconds}`]),
]

/** What the upstream gets. */
export const tokenText = (route: Route, hasSession: boolean): string => {
  const { token } = route
  if (token === 'none' || !hasSession) return 'none goes along'
  const whose = {
    user: "the user's access token",
    optional: "the user's access token",
    exchange: "one exchanged for the user's",
    service: "the client's own, of client credentials",
  }[token]
  return `${whose}: ${wanted(route)}`
}
