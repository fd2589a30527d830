import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asTenantId } from '../../server/core/ids.ts'
import { capturedLog } from '../support/captured-log.ts'
import { ask, asksAllowed } from '../support/forward-auth.ts'
import { send } from '../support/browser.ts'
import { codeOf } from '../support/login-steps.ts'
import type { TenantName } from '../support/tenants.ts'
import { startTenants, tenantNames } from '../support/tenants.ts'
import { route } from '../support/world.ts'

const limit = { timeout: 30_000 }

type Answered = Record<'level' | 'tenant' | 'code' | 'request_id', unknown>

test('tenants › a login at each › its own issuer, client, session and token', limit, async (t) => {
  const world = await startTenants(t)
  for (const name of tenantNames) {
    const user = await world.loggedIn(name)
    const session = await world.session(name, user)
    assert.deepEqual([session['authenticated'], session['tenant']], [true, name])
    assert.equal((await user.call(world.address(name, '/api/who'))).status, 200)
    const { url, headers } = world.upstream.last()
    assert.equal(url, '/api/who')
    assert.match(headers.authorization ?? '', /^Bearer at-/)
    assert.equal(headers['x-forwarded-host'], new URL(world.places[name].origin).host)
    const grant = world.issuers[name].tokenRequests.at(-1)
    assert.equal(grant?.parameters.get('redirect_uri'), world.address(name, '/callback'))
  }
  assert.deepEqual([world.one.tokenRequests.length, world.two.tokenRequests.length], [2, 2])
})

test(
  "tenants › a cookie under another tenant's name and host › 401 login_required, the upstream silent",
  limit,
  async (t) => {
    const world = await startTenants(t)
    for (const from of tenantNames) {
      const user = await world.loggedIn(from)
      const value = user.cookies().get(world.cookieName(from))?.value ?? assert.fail()
      for (const to of tenantNames) {
        if (to === from) continue
        const cookie = `${world.cookieName(to)}=${value}`
        const before = world.upstream.seen.length
        const call = await world.callWith(to, '/api/x', cookie)
        assert.deepEqual([call.status, codeOf(call)], [401, 'login_required'], `${from} at ${to}`)
        const session = await world.callWith(to, '/session', cookie)
        assert.deepEqual(session.json()['authenticated'], false)
        assert.equal(world.upstream.seen.length, before)
      }
      assert.equal((await user.call(world.address(from, '/api/x'))).status, 200)
    }
  },
)

test("tenants › another tenant's CSRF token and logout link › are wrong ones", limit, async (t) => {
  const world = await startTenants(t)
  const [acme, root] = [await world.loggedIn('acme'), await world.loggedIn('default')]
  const mine = await world.csrf('default', root)
  const other = await world.csrf('acme', acme)
  const post = (token: string) =>
    root.call('/api/x', { method: 'POST', headers: { 'x-csrf-token': token } })
  assert.equal(codeOf(await post(other)), 'csrf_invalid')
  assert.equal((await post(mine)).status, 200)
  const link = String((await world.session('acme', acme))['logout_url'])
  const page = await root.visit(link, 'same-origin')
  assert.equal(page.status, 200)
  assert.equal((await world.session('default', root))['authenticated'], true)
})

/** Host lines for the tenant at a host of its own. */
const spellings = (host: string) => ({
  ours: [host, host.toUpperCase()],
  foreign: [
    host.replace(/:\d+$/, ''),
    host.replace(/:\d+$/, '.$&'),
    host.replace(/:\d+$/, ':1'),
    `x.${host}`,
    `${host}.evil.test`,
    `evil.test@${host}`,
    'evil.test',
  ],
})

test(
  "tenants › R22 the spellings of a tenant's Host › case does not count; another port, a dot at the end or a stranger is 421",
  limit,
  async (t) => {
    const world = await startTenants(t)
    const user = await world.loggedIn('acme')
    const { host } = new URL(world.places.acme.origin)
    const headers = { cookie: user.cookieHeader(), 'sec-fetch-site': 'same-origin' }
    const { ours, foreign } = spellings(host)
    for (const one of ours) {
      const answer = await send(`${world.origin}/session`, { headers: { ...headers, host: one } })
      assert.equal(answer.json()['tenant'], 'acme', one)
    }
    for (const one of foreign)
      for (const path of ['/session', '/api/x', '/login', '/', '/t/beta/session']) {
        const answer = await send(`${world.origin}${path}`, { headers: { ...headers, host: one } })
        assert.deepEqual([answer.status, codeOf(answer)], [421, 'unknown_host'], `${one} ${path}`)
      }
    assert.equal(world.upstream.seen.length, 0)
  },
)

test(
  "tenants › R2 the absolute form › another tenant's authority is 421, the own one malformed",
  limit,
  async (t) => {
    const world = await startTenants(t)
    const user = await world.loggedIn('acme')
    const headers = { cookie: user.cookieHeader(), 'sec-fetch-site': 'same-origin' }
    const codes = [world.places.acme.origin, world.origin, 'http://evil.test'].map(async (to) => {
      const target = `${to}/api/x`
      return codeOf(await send(`${world.places.acme.origin}/api/x`, { headers, target }))
    })
    assert.deepEqual(await Promise.all(codes), ['invalid_path', 'unknown_host', 'unknown_host'])
    assert.equal(world.upstream.seen.length, 0)
  },
)

test('tenants › prefixes › are on the shared host alone', limit, async (t) => {
  const world = await startTenants(t)
  const answer = await send(`${world.places.acme.origin}/t/beta/session`)
  assert.equal(codeOf(answer), 'no_route')
})

test(
  'routes › of some tenants › forbidden_tenant at others, never the shorter route; in the order of the contract',
  limit,
  async (t) => {
    const world = await startTenants(t, {
      routes: (upstream) => [
        route('/api/acme', upstream.origin, { tenants: [asTenantId('acme')], websocket: true }),
        route('/open', upstream.origin, { tenants: [asTenantId('acme')], token: 'none', public: true }), // prettier-ignore
      ],
    })
    for (const name of tenantNames) {
      const user = await world.loggedIn(name)
      const before = world.upstream.seen.length
      const isAcme = name === 'acme'
      const at = (path: string) => world.address(name, path)
      for (const path of ['/api/acme/x', '/open'])
        assert.deepEqual([(await user.call(at(path))).status, path], [isAcme ? 200 : 403, path])
      if (isAcme) continue
      assert.equal(world.upstream.seen.length, before)
      assert.equal(codeOf(await user.call(at('/api/acme'))), 'forbidden_tenant')
      const unsure = await user.call(at('/api/acme'), { method: 'POST' })
      assert.equal(codeOf(unsure), 'csrf_missing')
      assert.equal(codeOf(await send(at('/api/acme/x'))), 'login_required')
    }
  },
)

test(
  'routes › of another tenant › the log says why, with tenant and request id',
  limit,
  async (t) => {
    const { log, text } = capturedLog()
    const world = await startTenants(t, {
      log,
      routes: (upstream) => [
        route('/api/acme', upstream.origin, { tenants: [asTenantId('acme')] }),
      ],
    })
    const user = await world.loggedIn('beta')
    const answer = await user.call(world.address('beta', '/api/acme'))
    const lines = text().split('\n')
    const said = JSON.parse(lines.find((each) => each.includes('refused by')) ?? '{}') as Answered
    assert.deepEqual([said.level, said.tenant, said.code], [30, 'beta', 'forbidden_tenant'])
    assert.equal(said.request_id, answer.json()['request_id'])
  },
)

test('tenants › one role name at two › counts at its own alone', limit, async (t) => {
  const world = await startTenants(t, {
    routes: (upstream) => [route('/api/adm', upstream.origin, { require: { roles: { any: ['admin'] } } })], // prettier-ignore
  })
  world.two.script.idTokenClaims = { roles: ['admin'] }
  const [acme, root] = [await world.loggedIn('acme'), await world.loggedIn('default')]
  assert.equal((await acme.call('/api/adm')).status, 200)
  assert.equal(codeOf(await root.call('/api/adm')), 'forbidden_role')
})

test(
  'forward-auth › X-Forwarded-Host and the prefix of X-Forwarded-Uri › say whose call it is',
  limit,
  async (t) => {
    const world = await startTenants(t, { config: asksAllowed })
    for (const name of tenantNames) {
      const user = await world.loggedIn(name)
      const { origin, base } = world.places[name]
      const cookie = user.cookieHeader()
      const asked = (to: TenantName) =>
        ask(world.origin, {
          path: `${world.places[to].base}/api/x`,
          headers: { host: new URL(world.places[to].origin).host, cookie, 'sec-fetch-site': 'same-origin' }, // prettier-ignore
        })
      const answer = await asked(name)
      assert.equal(answer.status, 204, answer.text)
      assert.match(answer.headers.authorization ?? '', /^Bearer at-/)
      const anonymous = await ask(world.origin, { path: `${base}/api/x`, headers: { host: new URL(origin).host } }) // prettier-ignore
      assert.equal(anonymous.json()['login_url'], `${base}/login`)
      for (const other of tenantNames)
        if (other !== name) assert.equal((await asked(other)).status, 401, `${name} at ${other}`)
    }
    const stranger = await ask(world.origin, { path: '/api/x', headers: { host: 'evil.test' } })
    assert.equal(stranger.status, 421)
  },
)

test(
  'readyz › several tenants › how many providers are how, and the worst of all; which, nobody is told',
  limit,
  async (t) => {
    const world = await startTenants(t)
    const provider = async () =>
      (await send(`${world.origin}/readyz`)).json()['checks'] as Record<string, unknown>
    const unknownYet = { ok: 0, unreachable: 0, not_asked_yet: 4 }
    assert.deepEqual((await provider())['provider'], { status: 'not_asked_yet', tenants: unknownYet }) // prettier-ignore
    await world.loggedIn('beta')
    world.two.close()
    await world.newBrowser('acme').visit('/login')
    const tenants = { ok: 1, unreachable: 1, not_asked_yet: 2 }
    assert.deepEqual((await provider())['provider'], { status: 'unreachable', tenants })
    const { text } = await send(world.places.acme.origin + '/readyz')
    assert.doesNotMatch(text, /acme|beta|gamma/)
  },
)

test(
  "the app › at each tenant's place › its files, and its index for a navigation",
  limit,
  async (t) => {
    const world = await startTenants(t)
    for (const name of tenantNames) {
      const user = world.newBrowser(name)
      for (const path of ['/', '/orders/7']) {
        const page = await user.visit(world.address(name, path))
        assert.deepEqual([page.status, page.headers['content-type']], [200, 'text/html; charset=utf-8'], name) // prettier-ignore
        assert.match(String(page.headers['content-security-policy']), new RegExp(`form-action 'self' ${world.issuers[name].issuer}`)) // prettier-ignore
      }
      const call = await user.call(world.address(name, '/orders/7'))
      assert.equal(codeOf(call), 'no_route')
    }
  },
)
