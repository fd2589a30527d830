import type { Config, Tenant } from './config/config.ts'
import type { ReadyConfig } from './config/ready-config.ts'
import { tenantSecrets } from './session/tenant-keys.ts'

/** A tenant at one of the places where it is entered. */
export type TenantPlace = {
  readonly tenant: Tenant
  readonly origin: string
  /** The prefix that its paths have on that origin; none without. */
  readonly base: string
  /** The prefixes of other tenants on that origin, where this one has none itself. */
  readonly othersBases?: readonly string[]
}

/** Every tenant at each of its places. */
export const tenantPlaces = ({ tenant, tenants = [], origin }: Config): readonly TenantPlace[] => {
  const othersBases = tenants.flatMap(({ pathPrefix }) => pathPrefix ?? [])
  const all = [
    ...(tenant === undefined ? [] : [{ tenant, origin, base: '' }]),
    ...tenants.flatMap((one) => placesOf(one, origin)),
  ]
  return all.map((one) =>
    one.base === '' && one.origin === origin ? { ...one, othersBases } : one,
  )
}

/** BASE_URL gives scheme and port. */
const placesOf = (tenant: Tenant, origin: string): readonly TenantPlace[] => {
  const { hosts = [], pathPrefix } = tenant
  const atHosts = hosts.map((host) => {
    const url = new URL(origin)
    url.hostname = host
    return { tenant, origin: url.origin, base: '' }
  })
  return pathPrefix === undefined ? atHosts : [...atHosts, { tenant, origin, base: pathPrefix }]
}

/** The settings of one tenant at one place, with secrets of its own; of the others they know nothing. */
export const settingsAt = (config: Config, place: TenantPlace): ReadyConfig => {
  const { session } = config
  const own = tenantSecrets(session, place.tenant.id)
  return {
    ...config,
    ...place,
    tenants: undefined,
    session: { ...session, ...own, ...place.tenant.session },
  }
}
