import type { Route, Tenant } from './config.ts'
import type { FileNotes, Note } from './file-notes.ts'

export type TenantSet = {
  /** From `OIDC_*`; undefined: there is none, and BASE_URL's host may be anybody's. */
  readonly defaultTenant: Tenant | undefined
  /** As they stand in the file. */
  readonly tenants: readonly Tenant[]
  readonly routes: readonly Route[]
  readonly origin: string
}

/** Notes what two tenants cannot both have: where both would be meant, a call could reach the wrong one. */
export const noteOverlaps = (set: TenantSet, { note, isSpoilt }: FileNotes): void => {
  noteTwins(set, note)
  noteHosts(set, note)
  notePrefixes(set, note)
  notePaths(set, note)
  // A tenant whose id cannot be read may be the one that is meant.
  if (!isSpoilt('tenants') && set.tenants.every((_one, i) => !isSpoilt(`tenants[${i}].id`)))
    noteUnknown(set, note)
}

const noteTwins = ({ defaultTenant, tenants }: TenantSet, note: Note): void => {
  const ids = new Set<string>(defaultTenant && [defaultTenant.id])
  const clients = new Set(defaultTenant && [clientOf(defaultTenant)])
  tenants.forEach((tenant, i) => {
    // Cookies are named by ids, and in the names of cookies some compare without case.
    const id = tenant.id.toLowerCase()
    if (ids.has(id)) note(`tenants[${i}].id`, 'is the id of another tenant')
    // A token for one of two tenants would be one for the other (RFC 9207 section 4).
    if (clients.has(clientOf(tenant)))
      note(`tenants[${i}].client.id`, 'is registered at this issuer for another tenant')
    ids.add(id)
    clients.add(clientOf(tenant))
  })
}

const clientOf = ({ issuer, clientId }: Tenant): string => JSON.stringify([issuer, clientId])

const noteHosts = ({ defaultTenant, tenants, origin }: TenantSet, note: Note): void => {
  const shared = new URL(origin).hostname
  const taken = new Set<string>()
  tenants.forEach(({ hosts = [] }, i) =>
    hosts.forEach((host, k) => {
      const place = `tenants[${i}].hosts[${k}]`
      if (taken.has(host)) note(place, 'is there already')
      if (host === shared && defaultTenant !== undefined)
        note(place, "is BASE_URL's, which is the default tenant's: that of OIDC_ISSUER")
      taken.add(host)
    }),
  )
}

const notePrefixes = ({ tenants, routes }: TenantSet, note: Note): void => {
  const ofTenants = nesting(tenants.flatMap(({ pathPrefix }) => pathPrefix ?? []))
  const ofRoutes = nesting(routes.map(({ path }) => path))
  tenants.forEach(({ pathPrefix }, i) => {
    if (pathPrefix === undefined) return
    const place = `tenants[${i}].path_prefix`
    // One of them is itself.
    if (ofTenants(pathPrefix).length > 1)
      note(place, 'is, or lies in, or holds the prefix of another tenant')
    const [route] = ofRoutes(pathPrefix)
    if (route !== undefined) note(place, `and the route ${route} lie in one another`)
  })
}

/** The first two of some paths that are a path, lie in it or hold it; thousands of tenants are not compared each with each. */
const nesting = (paths: readonly string[]) => {
  const under = new Map<string, string[]>()
  const put = (place: string, path: string) => {
    const found = under.get(place) ?? []
    if (found.length < 2) under.set(place, [...found, path])
  }
  for (const path of paths) for (const place of placesAbove(path)) put(place, path)
  const whole = new Map(paths.map((path) => [path, path]))
  return (path: string): readonly string[] => {
    const above = placesAbove(path)
      .slice(0, -1)
      .flatMap((place) => whole.get(place) ?? [])
    return [...(under.get(path) ?? []), ...above]
  }
}

/** A path with all that it lies in, by whole segments. */
const placesAbove = (path: string): readonly string[] => {
  const segments = path.split('/')
  return segments.slice(1).map((_segment, i) => segments.slice(0, i + 2).join('/'))
}

const notePaths = ({ routes }: TenantSet, note: Note): void => {
  const taken = new Set<string>()
  routes.forEach(({ path }, i) => {
    if (taken.has(path)) note(`routes[${i}].path`, 'is the path of another route')
    taken.add(path)
  })
}

const noteUnknown = ({ defaultTenant, tenants, routes }: TenantSet, note: Note): void => {
  const ids = new Set<string>([defaultTenant?.id ?? '', ...tenants.map(({ id }) => id)])
  routes.forEach((route, i) =>
    route.tenants?.forEach((id, k) => {
      if (!ids.has(id)) note(`routes[${i}].tenants[${k}]`, 'is the id of no tenant')
    }),
  )
}
