import type { CallOptions } from '../support/browser.ts'
import { send } from '../support/browser.ts'
import type { Cleanup } from '../support/redis-server.ts'
import { freePort, startRedis } from '../support/redis-server.ts'
import { startBalancer } from './balancer.ts'
import { configFile } from './config-file.ts'
import type { Person } from './person.ts'
import { person } from './person.ts'
import type { ClientRepresentation, PersonName, Realm } from './realm.ts'
import { clientFor, people } from './realm.ts'
import { fixed, oddSecret, startInstance } from './world.ts'

export type TenantPlan = {
  readonly id: string
  readonly realm: Realm
  readonly place: { readonly host: string } | { readonly prefix: string }
  /** Members of the tenant in CONFIG_FILE, besides those that all have. */
  readonly settings?: Readonly<Record<string, unknown>>
  readonly client?: (base: ClientRepresentation) => ClientRepresentation
}

export type TenantsOptions = {
  readonly tenants: readonly TenantPlan[]
  readonly routes: readonly object[]
  readonly accessTokenSeconds?: number
  readonly env?: Readonly<Record<string, string>>
}

type Site = { readonly origin: string; readonly base: string }
type Registered = TenantPlan & Site & { readonly clientId: string }

const siteOf = ({ place }: TenantPlan, port: number): Site =>
  'host' in place
    ? { origin: `http://${place.host}:${port}`, base: '' }
    : { origin: `http://localhost:${port}`, base: place.prefix }

/** The documented client with the tenant's addresses in its realm; gone after the test. */
const register = async (
  t: Cleanup,
  plan: TenantPlan,
  port: number,
  accessTokenSeconds: number,
): Promise<Registered> => {
  const { realm, id, client = (same: ClientRepresentation) => same } = plan
  const site = siteOf(plan, port)
  const template = clientFor(`${site.origin}${site.base}`, oddSecret)
  const attributes = {
    ...template.attributes,
    'access.token.lifespan': String(accessTokenSeconds),
    // The same for all tenants; Keycloak may not know their names.
    'backchannel.logout.url': `http://localhost:${port}/backchannel-logout`,
  }
  const registered = client({ ...template, clientId: `${id}-${port}`, attributes })
  const known = await realm.admin.addClient(registered)
  t.after(async () => {
    await realm.admin.removeClient(known)
  })
  return { ...plan, ...site, clientId: registered.clientId }
}

const inFile = ({ id, realm, place, clientId, settings }: Registered) => ({
  id,
  ...('host' in place ? { hosts: [place.host] } : { path_prefix: place.prefix }),
  issuer: realm.issuer,
  profile: 'keycloak',
  client: { id: clientId, secret: '${CLIENT_SECRET}' },
  ...settings,
})

/** Somebody with a browser at one tenant, and at that tenant's realm. */
const visitorAt = ({ origin, base }: Site) => {
  const { app, sendForm } = person(origin)
  const call = (path: string, options?: CallOptions) => app.call(`${base}${path}`, options)
  return {
    app,
    sendForm,
    call,
    session: async () => (await call('/session')).json(),
    logIn: (name: PersonName, password?: string) =>
      fillForms({ app, sendForm }, `${origin}${base}/login`, { name, password }),
    /** As `logIn` does it, at another address. */
    fillForms: (address: string, who: Who) => fillForms({ app, sendForm }, address, who),
    /** As the app's script does it. */
    write: async (path: string) => {
      const { csrf_token: token } = (await call('/session')).json()
      return call(path, { method: 'POST', headers: { 'x-csrf-token': String(token) }, body: '{}' })
    },
  }
}

type Who = { readonly name: PersonName; readonly password?: string | undefined }

/** Through one page with both fields, or through two: a realm with organisations asks for the name first. */
const fillForms = async (
  { app, sendForm }: Pick<Person, 'app' | 'sendForm'>,
  address: string,
  { name, password = people[name].password }: Who,
) => {
  let page = await app.navigate(address)
  for (let forms = 0; forms < 2 && page.text.includes('id="kc-form-login"'); forms += 1)
    page = await sendForm(page, {
      username: name,
      ...(page.text.includes('name="password"') && { password }),
    })
  return page
}

export type Visitor = ReturnType<typeof visitorAt>

/** Two brokers on one Redis behind a load balancer, with tenants of real realms in their CONFIG_FILE. */
export const startTenantsWorld = async (t: Cleanup, options: TenantsOptions) => {
  const { accessTokenSeconds = 60, routes } = options
  const ports = [await freePort(), await freePort()]
  const port = await freePort()
  await startBalancer(t, port, ports)
  const tenants = await Promise.all(
    options.tenants.map((plan) => register(t, plan, port, accessTokenSeconds)),
  )
  const env = {
    ...fixed,
    BASE_URL: `http://localhost:${port}`,
    REDIS_URL: (await startRedis(t)).url,
    CLIENT_SECRET: oddSecret,
    CONFIG_FILE: await configFile(t, { tenants: tenants.map(inFile), routes }),
    ...options.env,
  }
  const instances = await Promise.all(ports.map((one) => startInstance(t, one, env)))
  const tenant = (id: string): Registered => {
    const found = tenants.find((one) => one.id === id)
    if (found === undefined) throw new Error(`no tenant ${id}`)
    return found
  }
  return {
    tenant,
    visitor: (id: string) => visitorAt(tenant(id)),
    /** A call at the tenant with a cookie of anybody's choice, to the instance of that number. */
    callAt: (index: number, id: string, path: string, cookie: string) =>
      send(`http://127.0.0.1:${String(ports[index % ports.length])}${tenant(id).base}${path}`, {
        headers: { host: new URL(tenant(id).origin).host, cookie, 'sec-fetch-site': 'same-origin' },
      }),
    lines: () => instances.flatMap(({ lines }) => lines()),
    events: (id: string, type: string) => {
      const { realm, clientId } = tenant(id)
      return realm.admin.eventsOf(clientId, type)
    },
  }
}

export type TenantsWorld = Awaited<ReturnType<typeof startTenantsWorld>>
