import type { Common } from './app.ts'
import { createApp, createSite } from './app.ts'
import { backchannelLogoutRoutes } from './backchannel-logout/routes.ts'
import type { TenantPlace } from './entrance-configs.ts'
import { settingsAt } from './entrance-configs.ts'
import type { BrokerConfig, ReadyConfig } from './config/ready-config.ts'
import type { Powers } from './foundations.ts'
import type { Entrance } from './front-door.ts'
import type { ProviderReport } from './health/routes.ts'
import { healthRoutes } from './health/routes.ts'
import { frontchannelLogoutPath, ownEndpoints } from './http/endpoints.ts'
import type { Door } from './http/entrances.ts'
import { formReader, logoutTokenReader, requireForm } from './http/parameters.ts'
import type { Replies } from './http/reply.ts'
import { logWith } from './core/log.ts'
import { refusingSpoilt } from './http/order-guard.ts'
import { hotPath, upgradePath } from './proxy/hot-path.ts'
import { leasedBackend } from './session/leased-backend.ts'
import { tenantBackend } from './session/tenant-keys.ts'
import { loginElsewhere } from './tenants/login-elsewhere.ts'
import type { Rooms } from './wire.ts'
import { wire } from './wire.ts'
import type { Shared } from './wire-gateway.ts'

/** An entrance that a proxy may ask about, too. */
export type AskedEntrance = Entrance & Pick<Rooms['proxy'], 'judge' | 'judgeUpgrade'>

/** One tenant at one place, with rooms that are furnished when somebody first comes. */
export type House = {
  readonly place: TenantPlace
  readonly door: Door<AskedEntrance>
  readonly rooms: () => Rooms
  /** Undefined: nobody has come yet. */
  readonly furnished: () => Rooms | undefined
  /** Lets go of the store when all that was begun here is settled. */
  readonly retire: () => Promise<void>
}

/** What one place must know of all there are, as they are at the moment. */
export type Neighbours = {
  readonly provider: () => ProviderReport
  /** Has the tenant judge a logout token that it names. */
  readonly acceptLogoutToken: (token: string) => Promise<void>
  /** The address of a tenant's `/login`. */
  readonly loginOf: (tenant: string) => string | undefined
}

export type HouseParts = {
  readonly config: BrokerConfig
  readonly powers: Powers
  readonly shared: Shared
  readonly neighbours: Neighbours
}

/** The rooms of one tenant at one place; thousands of tenants cost little until they are used. */
export const house = (place: TenantPlace, parts: HouseParts): House => {
  let made: Furnished | undefined
  // Let go of then: the settings of all tenants would live as long as the longest standing house.
  let before: HouseParts | undefined = parts
  const known = (): Furnished => {
    if (before !== undefined) made = furnish(place, before)
    before = undefined
    if (made === undefined) throw new RangeError('a house that could not be furnished')
    return made
  }
  return {
    place,
    door: { origin: place.origin, base: place.base, enter: () => known().entrance },
    rooms: () => known().rooms,
    furnished: () => made?.rooms,
    retire: async () => {
      await made?.rooms.settled()
      made?.leave()
    },
  }
}

type Furnished = {
  readonly rooms: Rooms
  readonly entrance: AskedEntrance
  readonly leave: () => void
}

const furnish = (place: TenantPlace, parts: HouseParts): Furnished => {
  const { config, powers, shared, neighbours } = parts
  const { id } = place.tenant
  const own = settingsAt(config, place)
  const lease = leasedBackend(powers.backend)
  // Of one tenant alone there is nothing to tell apart.
  const log = config.tenants === undefined ? powers.log : logWith(powers.log, { tenant: id })
  const rooms = wire(own, { ...powers, backend: tenantBackend(lease.backend, id), log }, shared)
  const common = {
    ...commonRooms(neighbours, powers, rooms.reply),
    ...(isRoot(place, config) && { elsewhere: elsewhere(neighbours, id, rooms.reply) }),
  }
  const open = entranceOf(own, rooms, common)
  const entrance = { ...open, ...refusingSpoilt(powers.log, open) }
  return { rooms, entrance, leave: lease.leave }
}

/** Whether a place is BASE_URL itself. */
export const isRoot = (
  { origin, base }: Pick<TenantPlace, 'origin' | 'base'>,
  config: Pick<BrokerConfig, 'origin'>,
): boolean => origin === config.origin && base === ''

/** Health and the issuers' word, which are the same wherever they are asked. */
export const commonRooms = (
  { provider, acceptLogoutToken }: Neighbours,
  { backend, draining, log }: Powers,
  reply: Replies,
): Common => ({
  health: healthRoutes({ reply, draining, pingStore: backend.ping, provider }),
  backchannelLogout: backchannelLogoutRoutes({
    log,
    reply,
    readForm: logoutTokenReader,
    accept: acceptLogoutToken,
  }),
  elsewhere: (_req, _res, next) => next(),
})

/** The way from BASE_URL's origin to tenants other than the one that is there. */
export const elsewhere = (
  { loginOf }: Neighbours,
  here: string | undefined,
  reply: Replies,
): Common['elsewhere'] =>
  loginElsewhere({ reply, loginOf: (tenant) => (tenant === here ? undefined : loginOf(tenant)) }, [
    formReader,
    requireForm,
  ])

const entranceOf = (config: ReadyConfig, rooms: Rooms, common: Common): AskedEntrance => {
  const { proxy, reply } = rooms
  const hasFrontchannel = config.tenant.frontchannel !== undefined
  return {
    origin: config.origin,
    base: config.base ?? '',
    reply,
    routeFor: rooms.routes,
    owns: (path) => ownEndpoints.has(path) || (path === frontchannelLogoutPath && hasFrontchannel),
    proxied: hotPath(proxy),
    upgraded: upgradePath(proxy),
    app: createApp(rooms, common, config),
    site: createSite(rooms),
    judge: proxy.judge,
    judgeUpgrade: proxy.judgeUpgrade,
  }
}
