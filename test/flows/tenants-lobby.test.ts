import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { BrokerConfig } from '../../server/config/ready-config.ts'
import { send } from '../support/browser.ts'
import { codeOf } from '../support/login-steps.ts'
import { startTenants } from '../support/tenants.ts'

const limit = { timeout: 30_000 }
const navigation = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'none' }

const withoutDefault = (config: BrokerConfig): BrokerConfig => {
  const { tenants: [first, ...others] = [] } = config
  return { ...config, tenant: undefined, tenants: [first ?? assert.fail(), ...others] }
}

test(
  'no default tenant › the shared host › leads to logins, tells what is asked of nobody, and serves the app',
  limit,
  async (t) => {
    const world = await startTenants(t, { config: withoutDefault })
    const codes = async (paths: readonly string[], headers: Record<string, string> = navigation) =>
      await Promise.all(
        paths.map(async (path) => {
          const answer = await send(`${world.origin}${path}`, { headers })
          return `${path} ${answer.status} ${String(codeOf(answer))}`
        }),
      )
    const led = await send(`${world.origin}/login?tenant=acme`, { headers: navigation })
    assert.equal(led.headers.location, world.address('acme', '/login'))
    const none = '400 unknown_tenant'
    const own = ['/login', '/login?tenant=x', '/callback?state=x&code=y', '/logout', '/session']
    assert.deepEqual(await codes(own), own.map((path) => `${path} ${none}`)) // prettier-ignore
    const scripts = { 'sec-fetch-mode': 'cors' }
    assert.deepEqual(await codes(['/session', '/login', '/api/x', '/metrics'], scripts), [
      `/session ${none}`,
      '/login 403 navigation_required',
      '/api/x 404 no_route',
      '/metrics 404 no_route',
    ])
    const index = await send(`${world.origin}/`, { headers: navigation })
    assert.deepEqual(
      [index.status, index.headers['content-type']],
      [200, 'text/html; charset=utf-8'],
    )
    for (const host of ['broker.internal', new URL(world.origin).host])
      assert.equal((await send(`${world.origin}/livez`, { headers: { host } })).status, 200)
  },
)

test('no default tenant › all others › are as with one', limit, async (t) => {
  const world = await startTenants(t, { config: withoutDefault })
  for (const name of ['acme', 'beta', 'gamma'] as const) {
    const user = await world.loggedIn(name)
    assert.equal((await world.session(name, user))['tenant'], name)
    assert.equal((await user.call(world.address(name, '/api/x'))).status, 200)
  }
  const upgrade = { upgrade: 'websocket', connection: 'upgrade', 'sec-websocket-key': 'x' }
  const answer = await send(`${world.origin}/api/ws`, { headers: upgrade })
  assert.equal(codeOf(answer), 'no_route')
})

test(
  "no default tenant › BASE_URL's host among a tenant's › is that tenant's",
  limit,
  async (t) => {
    const hosts = ['localhost', 'acme.localhost']
    const world = await startTenants(t, {
      config: (config) => {
        const tenants = config.tenants.map((one) => (one.id === 'acme' ? { ...one, hosts } : one))
        return withoutDefault({ ...config, tenants })
      },
    })
    const user = world.newBrowser('default')
    await user.navigate('/login')
    assert.equal((await world.session('default', user))['tenant'], 'acme')
    const led = await user.visit('/login?tenant=beta')
    assert.equal(led.headers.location, world.address('beta', '/login'))
    // One tenant at two hosts: a session of the one is one of the other.
    const cookie = user.cookieHeader()
    assert.equal((await world.callWith('acme', '/api/x', cookie)).status, 200)
  },
)

test(
  'sessions › of a tenant with limits of its own › live as long as it says',
  limit,
  async (t) => {
    const session = { idleSeconds: 60, absoluteSeconds: 120 }
    const world = await startTenants(t, {
      config: (config) => ({
        ...config,
        tenants: config.tenants.map((one) => (one.id === 'beta' ? { ...one, session } : one)),
      }),
    })
    const [beta, gamma] = [await world.loggedIn('beta'), await world.loggedIn('gamma')]
    assert.ok(Number((await world.session('beta', beta))['absolute_expires_in']) <= 120)
    assert.match(beta.cookies().get('session-beta')?.line ?? '', /Max-Age=120;/)
    world.clock.advance(61)
    assert.equal(codeOf(await beta.call('/t/beta/api/x')), 'session_expired')
    assert.equal((await gamma.call('/t/gamma/api/x')).status, 200)
  },
)
