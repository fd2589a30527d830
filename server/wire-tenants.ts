import type { RequestHandler } from 'express'
import type { Common } from './app.ts'
import { createApp, createLobby, createSite } from './app.ts'
import { backchannelLogoutRoutes } from './backchannel-logout/routes.ts'
import type { Tenant } from './config/config.ts'
import { BrokerError } from './core/errors.ts'
import type { Log } from './core/log.ts'
import { logWith } from './core/log.ts'
import { entranceConfigs } from './entrance-configs.ts'
import type { BrokerConfig, Powers, ReadyConfig } from './foundations.ts'
import type { Entrance } from './front-door.ts'
import { healthRoutes, providerReport } from './health/routes.ts'
import { frontchannelLogoutPath, loginPath, ownEndpoints } from './http/endpoints.ts'
import { errorHandler } from './http/error-handler.ts'
import { formReader, logoutTokenReader, requireForm } from './http/parameters.ts'
import type { Replies } from './http/reply.ts'
import { replies } from './http/reply.ts'
import { addresseeOf } from './oidc/check-logout-token.ts'
import { clientAddress } from './proxy/client-address.ts'
import { hotPath, upgradePath } from './proxy/hot-path.ts'
import { pseudonymOf } from './proxy/hops.ts'
import { routeLimits } from './proxy/limits.ts'
import { upstreams } from './proxy/upstreams.ts'
import { leasedBackend } from './session/leased-backend.ts'
import { tenantBackend } from './session/tenant-keys.ts'
import { loginElsewhere, nobodysAddresses } from './tenants/login-elsewhere.ts'
import type { Rooms } from './wire.ts'
import { routesBesideOwn, spaRoom, wire } from './wire.ts'
import type { Shared } from './wire-gateway.ts'
import { streamRoom } from './wire-gateway.ts'

/** One tenant at one place, with its rooms. */
type House = { readonly config: ReadyConfig; readonly rooms: Rooms }

/** An entrance that a proxy may ask about, too. */
export type AskedEntrance = Entrance & Pick<Rooms['proxy'], 'judge' | 'judgeUpgrade'>

export type Tenancy = {
  readonly entrances: readonly AskedEntrance[]
  /** For calls that are nobody's. */
  readonly reply: Replies
  /** Resolves when every refresh and revocation under way has ended. */
  readonly settled: () => Promise<void>
  /** Ends the sessions of each tenant whose place another took, or nobody: another provider or client is another tenant. */
  readonly endSessionsNotIn: (next: Tenancy) => Promise<void>
  readonly holds: (tenant: Tenant) => boolean
  /** Lets go of the store when all is settled. */
  readonly retire: () => Promise<void>
}

/** What outlives a change of tenants and routes: what is open, the connections to the APIs, the counts of the limits. */
export type Lasting = Omit<Shared, 'cacheBytes' | 'routes'>

export const lastingParts = (config: BrokerConfig, powers: Powers): Lasting => ({
  ...streamRoom(powers),
  upstream: upstreams({ nowMs: powers.clock.nowMs, log: powers.log }),
  limit: routeLimits({ clientAddress: clientAddress(config.trustProxy) }),
  pseudonym: pseudonymOf(config.origin),
})

/** All tenants, each with rooms of its own at each of its places; what guards the process and the APIs is made once. */
export const wireTenants = (config: BrokerConfig, powers: Powers, lasting: Lasting): Tenancy => {
  const configs = entranceConfigs(config)
  const shared = {
    ...lasting,
    cacheBytes: cacheShare(configs.length),
    routes: routesBesideOwn(config),
  }
  const lease = leasedBackend(powers.backend)
  const houses = configs.map((one): House => {
    const { id } = one.tenant
    const backend = tenantBackend(lease.backend, id)
    // Of one tenant alone there is nothing to tell apart.
    const log = config.tenants === undefined ? powers.log : logWith(powers.log, { tenant: id })
    return { config: one, rooms: wire(one, { ...powers, backend, log }, shared) }
  })
  const root = houses.find((house) => isRoot(house, config))
  const reply = root?.rooms.reply ?? plainReplies(config)
  const parts: CommonParts = { houses, powers, reply }
  const entered = houses.map((house) => entranceOf(house, commonRooms(parts, house, config)))
  const settled = async () => {
    await Promise.all(houses.map(({ rooms }) => rooms.settled()))
  }
  return {
    reply,
    entrances: root === undefined ? [...entered, lobby(config, parts)] : entered,
    settled,
    holds: (tenant) => houses.some((house) => isSameTenant(house.config.tenant, tenant)),
    endSessionsNotIn: (next) => endSessions(houses, next, powers.log),
    retire: async () => {
      await settled()
      lease.leave()
    },
  }
}

const isSameTenant = (one: Tenant, other: Tenant): boolean =>
  one.id === other.id && one.issuer === other.issuer && one.clientId === other.clientId

/** One after the other, and each tenant once, however many places it has. */
const endSessions = async (houses: readonly House[], next: Tenancy, log: Log): Promise<void> => {
  const gone = new Map(
    houses
      .filter(({ config }) => !next.holds(config.tenant))
      .map((house) => [house.config.tenant.id, house] as const),
  )
  for (const [tenant, { rooms }] of gone)
    // One that fails must not leave the others' as they are.
    await rooms.endAllSessions().then(
      (sessions) => log.info({ tenant, sessions }, 'sessions of a removed tenant ended'),
      (err: unknown) => log.error({ tenant, err }, 'sessions of a removed tenant not ended'),
    )
}

const isRoot = ({ config: { origin, base = '' } }: House, config: BrokerConfig): boolean =>
  origin === config.origin && base === ''

/** Some ten thousand sessions that call within one second. */
const allCacheBytes = 128 * 1_048_576
/** Some hundreds, where there are very many tenants. */
const leastCacheBytes = 4 * 1_048_576

const cacheShare = (places: number): number => Math.max(leastCacheBytes, allCacheBytes / places)

type CommonParts = {
  readonly houses: readonly House[]
  readonly powers: Powers
  /** For what is nobody's. */
  readonly reply: Replies
}

/** Health and the issuers' word, which are the same wherever they are asked; the way to other tenants from BASE_URL's origin. */
const commonRooms = (
  { houses, powers: { backend, draining, log }, reply }: CommonParts,
  house: House | undefined,
  config: BrokerConfig,
): Common => ({
  health: healthRoutes({
    reply,
    draining,
    pingStore: backend.ping,
    provider: () =>
      providerReport(
        houses.map(({ config: { tenant }, rooms }) => ({
          tenant: tenant.id,
          status: rooms.providerStatus(),
        })),
      ),
  }),
  backchannelLogout: backchannelLogoutRoutes({
    log,
    reply,
    readForm: logoutTokenReader,
    accept: acceptAnywhere(houses),
  }),
  elsewhere:
    house === undefined || isRoot(house, config)
      ? elsewhere(houses, house, reply)
      : (_req, _res, next) => next(),
})

/**
 * The tenant whose issuer and client a logout token names judges it, and ends its own sessions alone: another issuer's token,
 * or another client's, is none of its.
 */
const acceptAnywhere =
  (houses: readonly House[]) =>
  async (token: string): Promise<void> => {
    const isFor = addresseeOf(token)
    const house = houses.find(({ config }) => isFor(config.tenant)) ?? houses[0]
    await house?.rooms.acceptLogoutToken(token)
  }

const elsewhere = (
  houses: readonly House[],
  here: House | undefined,
  reply: Replies,
): RequestHandler => {
  const others = houses.filter(({ config }) => config.tenant.id !== here?.config.tenant.id)
  // Of several places the first.
  const loginOf = new Map<string, string>(
    others.toReversed().map(({ config: { tenant, origin, base = '' } }) => {
      return [tenant.id, `${origin}${base}${loginPath}`] as const
    }),
  )
  if (loginOf.size === 0) return (_req, _res, next) => next()
  return loginElsewhere({ reply, loginOf }, [formReader, requireForm])
}

const entranceOf = ({ config, rooms }: House, common: Common): AskedEntrance => {
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

const plainReplies = ({ secure }: BrokerConfig): Replies =>
  replies({ secure, realm: 'latchkey', formOrigins: () => [] })

const nobody = () => Promise.reject(new BrokerError('no_route'))

/** BASE_URL's own host where no tenant is. */
const lobby = (config: BrokerConfig, parts: CommonParts): AskedEntrance => {
  const { reply, powers } = parts
  const { origin, secure } = config
  const errors = errorHandler(reply, powers.log)
  const spa = spaRoom(config, () => [])
  return {
    origin,
    base: '',
    reply,
    routeFor: () => undefined,
    owns: (path) => ownEndpoints.has(path),
    proxied: nobody,
    upgraded: nobody,
    judge: nobody,
    judgeUpgrade: nobody,
    app: createLobby({ nobodys: nobodysAddresses, errors }, commonRooms(parts, undefined, config), { secure }), // prettier-ignore
    site: createSite({ spa, errors }),
  }
}
