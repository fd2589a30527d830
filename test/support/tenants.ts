import type { TestContext } from 'node:test'
import { brokerServer, serve } from '../../server/broker-server.ts'
import type { Route, Tenant } from '../../server/config/config.ts'
import { asIssuer, asTenantId } from '../../server/core/ids.ts'
import type { Log } from '../../server/core/log.ts'
import { silentLog } from '../../server/core/log.ts'
import { createBroker } from '../../server/create-broker.ts'
import type { BrokerConfig, ReadyConfig } from '../../server/config/ready-config.ts'
import type { Backend } from '../../server/session/backend.ts'
import { memoryBackend } from '../../server/session/memory-backend.ts'
import type { Answer, Browser, CallOptions } from './browser.ts'
import { browser, send } from './browser.ts'
import type { ScriptedIssuer } from './scripted-issuer.ts'
import { startScriptedIssuer } from './scripted-issuer.ts'
import type { Upstream } from './upstream.ts'
import { startUpstream } from './upstream.ts'
import { endTogether, listen, testClock, testConfig } from './world.ts'

/** `default` and `beta` are at the first issuer, `acme` and `gamma` at the second; two have a host, two a prefix. */
export type TenantName = 'default' | 'acme' | 'beta' | 'gamma'
export const tenantNames: readonly TenantName[] = ['default', 'acme', 'beta', 'gamma']

export type TenantsOptions = {
  readonly config?: (config: ReadyConfig & { tenants: readonly Tenant[] }) => BrokerConfig
  readonly backend?: Backend
  readonly log?: Log
  readonly routes?: (upstream: Upstream) => readonly Route[]
}

type Place = { readonly origin: string; readonly base: string }

type Further = Pick<Tenant, 'hosts' | 'pathPrefix'> & {
  readonly name: TenantName
  readonly at: ScriptedIssuer
}

const furtherTenant = (base: Tenant, { name, at, ...place }: Further): Tenant => ({
  ...base,
  ...place,
  id: asTenantId(name),
  issuer: asIssuer(at.issuer),
  clientId: `${name}-client`,
})

/** A broker with four tenants at two issuers, and one API behind it. */
export const startTenants = async (t: TestContext, options: TenantsOptions = {}) => {
  const [one, two] = [await startScriptedIssuer(), await startScriptedIssuer()]
  one.script.furtherClients = ['beta-client']
  two.script.furtherClients = ['acme-client', 'gamma-client']
  const upstream = await startUpstream()
  const clock = testClock()
  one.script.nowMs = two.script.nowMs = clock.nowMs
  const server = brokerServer()
  const port = await listen(server)
  const origin = `http://localhost:${port}`
  const base = testConfig(origin, one.issuer, upstream)
  const further = [
    furtherTenant(base.tenant, { name: 'acme', at: two, hosts: ['acme.localhost'] }),
    furtherTenant(base.tenant, { name: 'beta', at: one, pathPrefix: '/t/beta' }),
    furtherTenant(base.tenant, { name: 'gamma', at: two, pathPrefix: '/t/gamma' }),
  ]
  const routes = [...(options.routes?.(upstream) ?? []), ...base.routes]
  const whole = { ...base, routes, tenants: further }
  const backend = options.backend ?? memoryBackend({ clock })
  const config = options.config?.(whole) ?? whole
  const broker = createBroker(config, { clock, backend, log: options.log ?? silentLog })
  serve(server, broker)
  const issuer = {
    close: () => {
      one.close()
      two.close()
    },
  }
  endTogether(t, { server, broker, issuer, upstream })
  const places: Readonly<Record<TenantName, Place>> = {
    default: { origin, base: '' },
    acme: { origin: `http://acme.localhost:${port}`, base: '' },
    beta: { origin, base: '/t/beta' },
    gamma: { origin, base: '/t/gamma' },
  }
  const issuers: Readonly<Record<TenantName, ScriptedIssuer>> = {
    default: one,
    acme: two,
    beta: one,
    gamma: two,
  }
  return {
    ...visitors(places),
    origin,
    port,
    config,
    server,
    places,
    one,
    two,
    issuers,
    upstream,
    clock,
    backend,
    broker,
  }
}

/** People at the tenants, by the rules of their browsers. */
const visitors = (places: Readonly<Record<TenantName, Place>>) => {
  const address = (name: TenantName, path: string): string =>
    `${places[name].origin}${places[name].base}${path}`
  const newBrowser = (name: TenantName): Browser => browser(places[name].origin)
  const loggedIn = async (name: TenantName, user = newBrowser(name)): Promise<Browser> => {
    await user.navigate(address(name, '/login'))
    return user
  }
  return {
    address,
    newBrowser,
    loggedIn,
    session: async (name: TenantName, user: Browser) =>
      (await user.call(address(name, '/session'))).json(),
    csrf: async (name: TenantName, user: Browser): Promise<string> =>
      String((await user.call(address(name, '/session'))).json()['csrf_token']),
    /** A call of the tenant's own app, with cookies of anybody's choice. */
    callWith: (
      name: TenantName,
      path: string,
      cookie: string,
      options: CallOptions = {},
    ): Promise<Answer> =>
      send(address(name, path), {
        ...options,
        headers: {
          cookie,
          'sec-fetch-site': 'same-origin',
          'sec-fetch-mode': 'cors',
          ...options.headers,
        },
      }),
    /** The name of the tenant's session cookie on plain http. */
    cookieName: (name: TenantName): string =>
      places[name].base === '' ? 'session' : `session-${name}`,
  }
}

export type TenantsWorld = Awaited<ReturnType<typeof startTenants>>
