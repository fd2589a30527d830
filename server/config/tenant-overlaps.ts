import type { Note } from './config-file.ts'
import type { Route, Tenant } from './config.ts'

export type TenantSet = {
  /** From `OIDC_*`; undefined: there is none, and BASE_URL's host may be anybody's. */
  readonly defaultTenant: Tenant | undefined
  /** As they stand in the file. */
  readonly tenants: readonly Tenant[]
  readonly routes: readonly Route[]
  readonly origin: string
}

/** Notes what two tenants cannot both have: where both would be meant, a call could reach the wrong one. */
export const noteOverlaps = (set: TenantSet, note: Note): void => {
  noteTwins(set, note)
  noteHosts(set, note)
  notePrefixes(set, note)
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
  const prefixes = tenants.flatMap(({ pathPrefix }) => pathPrefix ?? [])
  tenants.forEach(({ pathPrefix }, i) => {
    if (pathPrefix === undefined) return
    const place = `tenants[${i}].path_prefix`
    const same = prefixes.filter((other) => areNested(other, pathPrefix))
    if (same.length > 1) note(place, 'is, or lies in, or holds the prefix of another tenant')
    const route = routes.find(({ path }) => areNested(path, pathPrefix))
    if (route !== undefined) note(place, `and the route ${route.path} lie in one another`)
  })
}

const areNested = (a: string, b: string): boolean =>
  `${a}/`.startsWith(`${b}/`) || `${b}/`.startsWith(`${a}/`)

const noteUnknown = ({ defaultTenant, tenants, routes }: TenantSet, note: Note): void => {
  const ids = new Set<string>([defaultTenant?.id ?? '', ...tenants.map(({ id }) => id)])
  routes.forEach((route, i) =>
    route.tenants?.forEach((id, k) => {
      if (!ids.has(id)) note(`routes[${i}].tenants[${k}]`, 'is the id of no tenant')
    }),
  )
}
