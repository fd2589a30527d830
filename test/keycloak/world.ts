import type { CallOptions } from '../support/browser.ts'
import { send } from '../support/browser.ts'
import { startMain } from '../support/npm-start.ts'
import type { Cleanup } from '../support/redis-server.ts'
import { freePort, startRedis } from '../support/redis-server.ts'
import { startApi } from './api.ts'
import { startBalancer } from './balancer.ts'
import { configFile } from './config-file.ts'
import type { Person } from './person.ts'
import { person } from './person.ts'
import type { ClientRepresentation, Realm } from './realm.ts'
import { clientFor } from './realm.ts'

type Env = Readonly<Record<string, string>>

export type WorldOptions = {
  /** Processes on one Redis, behind a load balancer; one alone keeps its sessions in process. */
  readonly brokers?: number
  readonly accessTokenSeconds?: number
  readonly client?: (client: ClientRepresentation) => ClientRepresentation
  readonly secret?: string
  /** Cookies know no ports: two apps of one browser need two names. */
  readonly hostname?: string
  readonly env?: Env
  /** Routes besides `/api`, as CONFIG_FILE has them, all to the API. */
  readonly routes?: readonly { readonly path: string; readonly require: object }[]
  /** The client of the imported file as it is. */
  readonly isImported?: boolean
}

/** Characters that HTTP Basic has to encode, or that break it. */
export const oddSecret = 'a:b+c d%2Fe&f=ü'

/** What every broker of the lane has. */
export const fixed: Env = {
  HOST: '127.0.0.1',
  LOG_LEVEL: 'warn',
  OIDC_PROFILE: 'keycloak',
  SESSION_SECRET: 'a-signing-secret-of-enough-length!!',
  SESSION_KEYS: `k1:${Buffer.alloc(32, 7).toString('base64')}`,
  // A refresh is then counted by the token's end alone.
  REFRESH_AHEAD_SECONDS: '0',
}

/** A client in the realm with this BASE_URL; gone after the test, with its sessions. */
const register = async (t: Cleanup, realm: Realm, origin: string, options: WorldOptions) => {
  const { accessTokenSeconds = 60, client = (same: ClientRepresentation) => same } = options
  const template = clientFor(origin, options.secret ?? oddSecret)
  const clientId = `latchkey-${new URL(origin).port}`
  const life = { 'access.token.lifespan': String(accessTokenSeconds) }
  const attributes = { ...template.attributes, ...life }
  const id = await realm.admin.addClient(client({ ...template, clientId, attributes }))
  t.after(async () => {
    await realm.admin.removeClient(id)
  })
  return { clientId, id }
}

/** One broker process on a fixed port; started again, it has the same one. */
export const startInstance = async (t: Cleanup, port: number, env: Env) => {
  const start = () => startMain(t, { ...env, PORT: String(port) })
  let running = await start()
  return {
    address: `http://127.0.0.1:${port}`,
    lines: () => running.lines,
    restart: async () => {
      await running.stop()
      running = await start()
    },
  }
}

/** UPSTREAM, or a file of routes in its place. */
const routing = async (t: Cleanup, upstream: string, routes: WorldOptions['routes']) => {
  if (routes === undefined) return { UPSTREAM: upstream }
  const all = [{ path: '/api' }, ...routes].map((route) => ({ ...route, upstream }))
  return { CONFIG_FILE: await configFile(t, { routes: all }) }
}

/** Where the app is reached: at the one broker itself, or at the load balancer of many. */
const startFront = async (t: Cleanup, ports: readonly number[], wanted: number | undefined) => {
  const [first] = ports
  if (first === undefined || ports.length > 1) {
    const port = wanted ?? (await freePort())
    return { port, ...(await startBalancer(t, port, ports)) }
  }
  return { port: first, served: () => [] }
}

/** Brokers as processes between a browser, the real Keycloak, a real Redis and an API that checks its tokens. */
export const startWorld = async (t: Cleanup, realm: Realm, options: WorldOptions = {}) => {
  const { brokers = 1, isImported = false, secret = oddSecret, hostname = 'localhost' } = options
  const ports = await Promise.all(Array.from({ length: brokers }, () => freePort()))
  if (isImported && brokers === 1) ports[0] = realm.imported.port
  const { port, served } = await startFront(t, ports, isImported ? realm.imported.port : undefined)
  const origin = `http://${hostname}:${port}`
  const api = await startApi(t, realm.issuer)
  const redis = brokers > 1 ? { REDIS_URL: (await startRedis(t)).url } : {}
  const client = isImported
    ? { clientId: 'latchkey', id: '' }
    : await register(t, realm, origin, options)
  const env: Env = {
    ...fixed,
    ...redis,
    BASE_URL: origin,
    ...(await routing(t, api.origin, options.routes)),
    OIDC_ISSUER: realm.issuer,
    OIDC_CLIENT_ID: client.clientId,
    OIDC_CLIENT_SECRET: isImported ? realm.imported.secret : secret,
    ...options.env,
  }
  const instances = await Promise.all(ports.map((port) => startInstance(t, port, env)))
  const instance = (index: number) => {
    const found = instances[index % instances.length]
    if (found === undefined) throw new Error('a world without brokers')
    return found
  }
  /** A call of the app's that the load balancer sends to this instance. */
  const callAt = (index: number, { app }: Person, path = '/api/me', over: CallOptions = {}) =>
    send(`${instance(index).address}${path}`, {
      ...over,
      headers: {
        host: new URL(origin).host,
        cookie: app.cookieHeader(),
        'sec-fetch-site': 'same-origin',
        ...over.headers,
      },
    })
  const events = (type: string) => realm.admin.eventsOf(client.clientId, type)
  return { origin, api, client, instance, served, callAt, events, newPerson: () => person(origin) }
}

export type World = Awaited<ReturnType<typeof startWorld>>
