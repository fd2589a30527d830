import { createLobby, createSite } from './app.ts'
import type { Tenant } from './config/config.ts'
import { BrokerError } from './core/errors.ts'
import { sameValue } from './core/same-value.ts'
import type { TenantPlace } from './entrance-configs.ts'
import { tenantPlaces } from './entrance-configs.ts'
import type { BrokerConfig } from './config/ready-config.ts'
import type { Powers } from './foundations.ts'
import { providerReport } from './health/routes.ts'
import type { AskedEntrance, House, HouseParts, Neighbours } from './house.ts'
import { commonRooms, elsewhere, house, isRoot } from './house.ts'
import { loginPath, ownEndpoints } from './http/endpoints.ts'
import type { Door } from './http/entrances.ts'
import { errorHandler } from './http/error-handler.ts'
import type { Replies } from './http/reply.ts'
import { replies } from './http/reply.ts'
import { addresseeOf } from './oidc/check-logout-token.ts'
import { refusingSpoilt } from './http/order-guard.ts'
import { clientAddress } from './proxy/client-address.ts'
import { pseudonymOf } from './proxy/hops.ts'
import { routeLimits } from './proxy/limits.ts'
import { upstreams } from './proxy/upstreams.ts'
import { nobodysAddresses } from './tenants/login-elsewhere.ts'
import { routesBesideOwn, spaRoom } from './wire.ts'
import type { Shared } from './wire-gateway.ts'
import { streamRoom } from './wire-gateway.ts'

export type Tenancy = {
  readonly config: BrokerConfig
  readonly routes: Shared['routes']
  readonly houses: readonly House[]
  readonly doors: readonly Door<AskedEntrance>[]
  /** For calls that are nobody's. */
  readonly reply: Replies
}

/** What outlives a change of tenants and routes: what is open, the connections to the APIs, the counts of the limits. */
export type Lasting = Omit<Shared, 'cacheBytes' | 'routes'>

export const lastingParts = (config: BrokerConfig, powers: Powers): Lasting => ({
  ...streamRoom(powers),
  upstream: upstreams({ nowMs: powers.clock.nowMs, log: powers.log }),
  limit: routeLimits({ clientAddress: clientAddress(config.trustProxy) }),
  pseudonym: pseudonymOf(config.origin),
})

/**
 * All tenants, each with rooms of its own at each of its places; what guards the process and the APIs is made once. Of a change, those
 * that it does not touch take no notice: they keep their rooms, with all that these have learnt.
 */
export const tenancies = (powers: Powers, lasting: Lasting) => {
  let standing: Standing = { houses: [], firstOf: new Map() }
  const neighbours = neighboursOf(() => standing)
  return (config: BrokerConfig, before?: Tenancy): Tenancy => {
    const kept =
      before !== undefined && differsInTenantsAlone(before.config, config) ? before : undefined
    const settings = kept === undefined ? config : { ...config, routes: kept.config.routes }
    const routes = kept?.routes ?? routesBesideOwn(config)
    const places = tenantPlaces(settings)
    const shared = { ...lasting, routes, cacheBytes: cacheShare(places.length) }
    const parts: HouseParts = { config: settings, powers, shared, neighbours }
    const known = new Map(kept?.houses.map((one) => [nameOf(one.place), one]))
    const houses = places.map((place) => {
      const there = known.get(nameOf(place))
      return there !== undefined && staysAsItIs(there, place) ? there : house(place, parts)
    })
    const root = houses.find(({ place }) => isRoot(place, config))
    const doors = houses.map(({ door }) => door)
    const entered = root?.rooms().reply
    const reply = entered ?? plainReplies(config)
    const all = entered === undefined ? [...doors, lobby(parts, reply)] : doors
    standing = { houses, firstOf: firstHouses(houses) }
    return { config: settings, routes, houses, reply, doors: all }
  }
}

type Standing = {
  readonly houses: readonly House[]
  /** Of a tenant with several places, the first one. */
  readonly firstOf: ReadonlyMap<string, House>
}

const firstHouses = (houses: readonly House[]): Standing['firstOf'] => {
  const found = new Map<string, House>()
  for (const one of houses) {
    const { id } = one.place.tenant
    if (!found.has(id)) found.set(id, one)
  }
  return found
}

const nameOf = ({ tenant, origin, base }: TenantPlace): string =>
  JSON.stringify([tenant.id, origin, base])

/** What nobody has furnished yet is made anew, by the settings of now. */
const staysAsItIs = (there: House, place: TenantPlace): boolean =>
  there.furnished() !== undefined && sameValue(there.place, place)

const differsInTenantsAlone = (one: BrokerConfig, other: BrokerConfig): boolean => {
  const others = { tenant: undefined, tenants: undefined }
  // Of one tenant alone and of several, lines of the log are told apart differently.
  const isAlone = ({ tenants }: BrokerConfig) => tenants === undefined
  return (
    isAlone(one) === isAlone(other) && sameValue({ ...one, ...others }, { ...other, ...others })
  )
}

const neighboursOf = (standing: () => Standing): Neighbours => ({
  provider: () =>
    providerReport(
      standing().houses.map(({ place: { tenant }, furnished }) => ({
        tenant: tenant.id,
        status: furnished()?.providerStatus() ?? 'not_asked_yet',
      })),
    ),
  /**
   * The tenant whose issuer and client a logout token names judges it, and ends its own sessions alone: another issuer's token,
   * or another client's, is none of its.
   */
  acceptLogoutToken: async (token) => {
    const isFor = addresseeOf(token)
    const { houses } = standing()
    const named = houses.find(({ place }) => isFor(place.tenant)) ?? houses[0]
    await named?.rooms().acceptLogoutToken(token)
  },
  loginOf: (tenant) => {
    const place = standing().firstOf.get(tenant)?.place
    return place && `${place.origin}${place.base}${loginPath}`
  },
})

/**
 * What a change leaves behind: houses that others took the place of, and one of each tenant that is no more, whose sessions are to end.
 * With another provider or client it is another tenant.
 */
export const leftBy = (
  { houses }: Tenancy,
  next: Tenancy,
): { readonly replaced: readonly House[]; readonly gone: readonly House[] } => {
  const kept = new Set(next.houses)
  const known = new Set(next.houses.map(({ place }) => identityOf(place.tenant)))
  const isGone = ({ place }: House) => !known.has(identityOf(place.tenant))
  const gone = [...firstHouses(houses.filter(isGone)).values()]
  const ending = new Set(gone)
  return { gone, replaced: houses.filter((one) => !kept.has(one) && !ending.has(one)) }
}

const identityOf = ({ id, issuer, clientId }: Tenant): string =>
  JSON.stringify([id, issuer, clientId])

/** Some ten thousand sessions that call within one second. */
const allCacheBytes = 128 * 1_048_576
/** Some hundreds, where there are very many tenants. */
const leastCacheBytes = 4 * 1_048_576

const cacheShare = (places: number): number => Math.max(leastCacheBytes, allCacheBytes / places)

const plainReplies = ({ secure }: BrokerConfig): Replies =>
  replies({ secure, realm: 'latchkey', formOrigins: () => [] })

const nobody = () => Promise.reject(new BrokerError('no_route'))

/** BASE_URL's own host where no tenant is. */
const lobby = ({ config, powers, neighbours }: HouseParts, reply: Replies): Door<AskedEntrance> => {
  const { origin, secure } = config
  const errors = errorHandler(reply, powers.log)
  const spa = spaRoom(config, () => [])
  const common = {
    ...commonRooms(neighbours, powers, reply),
    elsewhere: elsewhere(neighbours, undefined, reply),
  }
  const open: AskedEntrance = {
    origin,
    base: '',
    reply,
    routeFor: () => undefined,
    owns: (path) => ownEndpoints.has(path),
    proxied: nobody,
    upgraded: nobody,
    judge: nobody,
    judgeUpgrade: nobody,
    app: createLobby({ nobodys: nobodysAddresses, errors }, common, { secure }),
    site: createSite({ spa, errors }),
  }
  const entrance = { ...open, ...refusingSpoilt(powers.log, open) }
  return { origin, base: '', enter: () => entrance }
}
