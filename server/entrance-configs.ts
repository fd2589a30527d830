import type { Config, Tenant } from './config/config.ts'
import type { ReadyConfig } from './foundations.ts'
import { tenantSecrets } from './session/tenant-keys.ts'

/** The settings of each tenant at each place where it is entered, with secrets of its own. */
export const entranceConfigs = (config: Config): readonly ReadyConfig[] => {
  const { tenant, tenants = [], origin } = config
  const othersBases = tenants.flatMap(({ pathPrefix }) => pathPrefix ?? [])
  const all = [
    ...(tenant === undefined ? [] : [settingsOf(config, tenant, { origin, base: '' })]),
    ...tenants.flatMap((one) =>
      placesOf(one, origin).map((place) => settingsOf(config, one, place)),
    ),
  ]
  return all.map((one) =>
    one.base === '' && one.origin === origin ? { ...one, othersBases } : one,
  )
}

type Place = { readonly origin: string; readonly base: string }

/** BASE_URL gives scheme and port. */
const placesOf = ({ hosts = [], pathPrefix }: Tenant, origin: string): readonly Place[] => {
  const atHosts = hosts.map((host) => {
    const url = new URL(origin)
    url.hostname = host
    return { origin: url.origin, base: '' }
  })
  return pathPrefix === undefined ? atHosts : [...atHosts, { origin, base: pathPrefix }]
}

const settingsOf = (config: Config, tenant: Tenant, place: Place): ReadyConfig => {
  const { session } = config
  const own = tenantSecrets(session, tenant.id)
  return { ...config, ...place, tenant, session: { ...session, ...own, ...tenant.session } }
}
