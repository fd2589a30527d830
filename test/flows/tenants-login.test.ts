import assert from 'node:assert/strict'
import { test } from 'node:test'
import { send } from '../support/browser.ts'
import { codeOf } from '../support/login-steps.ts'
import type { TenantName } from '../support/tenants.ts'
import { startTenants } from '../support/tenants.ts'

const limit = { timeout: 30_000 }

const navigation = { accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'none' }

test(
  "login › tenant on the shared origin › leads to that tenant's own login with all that was asked",
  limit,
  async (t) => {
    const world = await startTenants(t)
    for (const name of ['acme', 'beta'] as const) {
      const asked = `/login?tenant=${name}&return_to=%2Fx&prompt=login`
      const answer = await send(`${world.origin}${asked}`, { headers: navigation })
      assert.equal(answer.status, 303)
      const to = new URL(answer.headers.location ?? '')
      assert.equal(to.href, `${world.address(name, '/login')}?return_to=%2Fx&prompt=login`)
    }
    const own = await send(`${world.origin}/login?tenant=default`, { headers: navigation })
    assert.equal(new URL(own.headers.location ?? '').origin, world.one.issuer)
    const user = world.newBrowser('acme')
    await user.navigate(`${world.origin}/login?tenant=acme&return_to=/x`)
    assert.equal((await world.session('acme', user))['tenant'], 'acme')
  },
)

test(
  'login › tenant by a third party as a form › leads on; by fetch it is 403 navigation_required',
  limit,
  async (t) => {
    const world = await startTenants(t)
    const form = { ...navigation, 'content-type': 'application/x-www-form-urlencoded' }
    const options = { method: 'POST', body: 'tenant=acme&login_hint=ada' }
    const posted = await send(`${world.origin}/login`, { ...options, headers: form })
    assert.equal(posted.headers.location, `${world.address('acme', '/login')}?login_hint=ada`)
    const fetched = await send(`${world.origin}/login?tenant=acme`, { headers: { 'sec-fetch-mode': 'cors' } }) // prettier-ignore
    assert.equal(codeOf(fetched), 'navigation_required')
  },
)

const unknown: readonly (readonly [TenantName, string, string])[] = [
  ['default', 'nobody', 'unknown_tenant'],
  ['default', '', 'unknown_tenant'],
  ['default', 'acme&tenant=acme', 'invalid_parameter'],
  ['acme', 'beta', 'unknown_tenant'],
  ['beta', 'acme', 'unknown_tenant'],
  ['beta', 'default', 'unknown_tenant'],
]
test(
  'login › a tenant that is not there, or not to be told of here › 400 unknown_tenant',
  limit,
  async (t) => {
    const world = await startTenants(t)
    for (const [at, tenant, code] of unknown) {
      const url = `${world.address(at, '/login')}?tenant=${tenant}`
      const answer = await send(url, { headers: navigation })
      assert.deepEqual([answer.status, codeOf(answer)], [400, code], `${tenant} at ${at}`)
    }
  },
)
