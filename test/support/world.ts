import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import type { Route, Tenant } from '../../server/config/config.ts'
import { brokerServer, serve } from '../../server/broker-server.ts'
import { systemClock } from '../../server/core/clock.ts'
import type { Clock } from '../../server/core/clock.ts'
import { asIssuer, asTenantId } from '../../server/core/ids.ts'
import { silentLog } from '../../server/core/log.ts'
import type { Log } from '../../server/core/log.ts'
import { secret } from '../../server/core/secret.ts'
import type { Broker } from '../../server/create-broker.ts'
import { createBroker } from '../../server/create-broker.ts'
import type { ReadyConfig } from '../../server/config/ready-config.ts'
import type { Powers, Streaming } from '../../server/foundations.ts'
import { usualStreaming } from '../../server/foundations.ts'
import type { Backend } from '../../server/session/backend.ts'
import { memoryBackend } from '../../server/session/memory-backend.ts'
import { browser } from './browser.ts'
import { scriptedClient, startScriptedIssuer } from './scripted-issuer.ts'
import type { Upstream } from './upstream.ts'
import { startUpstream } from './upstream.ts'

export type WorldOptions = {
  readonly config?: (config: ReadyConfig) => ReadyConfig
  readonly backend?: Backend
  readonly log?: Log
  readonly streaming?: Partial<Streaming>
  /** Routes besides `/api`. */
  readonly routes?: (upstream: Upstream) => readonly Route[]
}

/** A route with the contract's defaults. */
export const route = (path: string, upstream: string, over: Partial<Route> = {}): Route => ({
  path,
  upstreams: [upstream],
  stripPrefix: '',
  token: 'user',
  public: false,
  csrf: true,
  cors: [],
  pass: { setCookie: false, cookies: [], cache: false, html: false, wwwAuthenticate: false },
  timeoutMs: { connect: 2_000, firstByte: 25_000, idle: 55_000 },
  retryIdempotent: 1,
  bodyLimitBytes: 100 * 1024 * 1024,
  websocket: false,
  ...over,
})

/** Time that a test can push forward. */
export const testClock = (): Clock & { advance: (seconds: number) => void } => {
  let aheadMs = 0
  return {
    nowMs: () => systemClock.nowMs() + aheadMs,
    advance: (seconds) => {
      aheadMs += seconds * 1_000
    },
  }
}

/** Settings of one broker in a test; signing secret and sealing key are fixed, so that several brokers share sessions. */
export const testConfig = (
  origin: string,
  issuer: string,
  upstream: Pick<Upstream, 'origin'>,
): ReadyConfig => ({
  production: false,
  port: 0,
  host: '127.0.0.1',
  origin,
  secure: false,
  tenant: tenantOf(issuer),
  session: {
    secrets: [secret('a-signing-secret-of-enough-length!!')],
    keys: [{ kid: 'k1', key: secret(Buffer.alloc(32, 7)) }],
    idleSeconds: 1_800,
    absoluteSeconds: 43_200,
    sameSite: 'strict',
    claims: [],
  },
  redis: undefined,
  routes: [route('/api', upstream.origin, { websocket: true })],
  spa: { dir: new URL('../../public', import.meta.url).pathname },
  trustProxy: 0,
  refreshAheadSeconds: 30,
  shutdownSeconds: 5,
  workers: 1,
  log: { level: 'silent', format: 'json' },
})

const tenantOf = (issuer: string): Tenant => ({
  id: asTenantId('default'),
  issuer: asIssuer(issuer),
  profile: 'generic',
  clientId: scriptedClient.id,
  clientAuth: { method: 'client_secret_basic', secret: secret(scriptedClient.secret) },
  scope: 'openid profile email',
  authParams: {},
  rolesClaim: 'roles',
  responseMode: 'query',
  logoutHint: 'id_token',
  logoutTyp: 'compat',
  timeoutMs: 2_000,
  refreshLeewaySeconds: 0,
})

/** A broker on a port of its own, a strict issuer, a recording upstream and a browser; all gone after the test. */
export const startWorld = async (t: TestContext, options: WorldOptions = {}) => {
  const issuer = await startScriptedIssuer()
  const upstream = await startUpstream()
  const clock = testClock()
  issuer.script.nowMs = clock.nowMs
  const server = brokerServer()
  const origin = `http://localhost:${await listen(server)}`
  const base = testConfig(origin, issuer.issuer, upstream)
  const routes = [...(options.routes?.(upstream) ?? []), ...base.routes]
  const config = options.config?.({ ...base, routes }) ?? { ...base, routes }
  const backend = options.backend ?? memoryBackend({ clock })
  const streaming = { ...usualStreaming, ...options.streaming }
  const log = options.log ?? silentLog
  const powers = { clock, backend, log, streaming } satisfies Partial<Powers>
  const broker = createBroker(config, powers)
  serve(server, broker)
  endTogether(t, { server, broker, issuer, upstream })
  const newBrowser = () => browser(origin)
  const loggedIn = async (address = '/login') => {
    const user = newBrowser()
    await user.navigate(address)
    return user
  }
  return { origin, config, issuer, upstream, clock, backend, broker, server, newBrowser, loggedIn }
}

export type World = Awaited<ReturnType<typeof startWorld>>

/** Joins a broker to a server as `main.ts` does. */
export const attach = (server: Server, broker: Broker): void => {
  server.on('request', (req, res) => broker.handler(req, res))
  server.on('checkContinue', broker.checkContinue)
  server.on('upgrade', broker.upgrade)
}

/** The free port the server now listens on, on loopback. */
export const listen = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  // A listening TCP server has an address of this shape.
  return (server.address() as AddressInfo).port
}

type Started = {
  readonly server: Server
  readonly broker: Pick<Broker, 'close'>
  readonly issuer: { readonly close: () => unknown }
  readonly upstream: { readonly close: () => unknown }
}

/** Ends at the end of the test what was started for it, the broker before what it talks to. */
export const endTogether = (
  t: TestContext,
  { server, broker, issuer, upstream }: Started,
): void => {
  t.after(async () => {
    server.closeAllConnections()
    server.close()
    await broker.close()
    issuer.close()
    upstream.close()
  })
}
