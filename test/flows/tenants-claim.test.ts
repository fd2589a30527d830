import assert from 'node:assert/strict'
import { test } from 'node:test'
import { capturedLog } from '../support/captured-log.ts'
import { codeOf } from '../support/login-steps.ts'
import { sendJson } from '../support/plain-http.ts'
import type { TenantsOptions } from '../support/tenants.ts'
import { startTenants } from '../support/tenants.ts'

const limit = { timeout: 30_000 }

/** `acme` tells its people by a claim, as where several tenants share an issuer. */
const claimed =
  (values: readonly string[] = ['acme']): NonNullable<TenantsOptions['config']> =>
  (config) => ({
    ...config,
    tenants: config.tenants.map((one) =>
      one.id === 'acme' ? { ...one, tenantClaim: { path: 'organization', values } } : one,
    ),
  })

const members = ['acme', ['beta', 'acme'], { acme: {} }, { beta: {}, acme: { id: '42' } }] as const
for (const organization of members)
  test(
    `tenant_claim › ${JSON.stringify(organization)} › holds the tenant's id`,
    limit,
    async (t) => {
      const world = await startTenants(t, { config: claimed() })
      world.two.script.idTokenClaims = { organization }
      const user = await world.loggedIn('acme')
      assert.equal((await user.call('/api/x')).status, 200)
    },
  )

const strangers: readonly unknown[] = [undefined, null, '', 'beta', 'ACME', 'acme ', ['beta'], [], {}, { beta: { acme: {} } }, [['acme']], true, { toString: 'x' }] // prettier-ignore
for (const organization of strangers)
  test(
    `tenant_claim › ${JSON.stringify(organization)} › 403 forbidden_tenant, no session, its tokens revoked, nothing forwarded`,
    limit,
    async (t) => {
      const captured = capturedLog()
      const world = await startTenants(t, { config: claimed(), log: captured.log })
      world.two.script.idTokenClaims = { organization }
      const user = world.newBrowser('acme')
      const page = await user.navigate('/login?return_to=/x')
      assert.deepEqual([page.status, codeOf(page)], [403, 'forbidden_tenant'])
      assert.match(page.text, /href="\/login\?return_to=%2Fx&amp;prompt=login"/)
      assert.equal((await world.session('acme', user))['authenticated'], false)
      assert.equal((await user.call('/api/x')).status, 401)
      assert.equal(world.upstream.seen.length, 0)
      assert.equal(world.two.revoked.length, 1)
      assert.ok(captured.text().includes('"reason":"forbidden_tenant"'))
      // Where no claim is asked for, the same person is let in.
      assert.equal((await world.session('gamma', await world.loggedIn('gamma')))['tenant'], 'gamma')
    },
  )

for (const [organization, found] of [
  [undefined, 'no_claim'],
  [null, 'no_claim'],
  ['beta', 'unmet'],
  [[], 'unmet'],
] as const)
  test(
    `tenant_claim › ${JSON.stringify(organization)} › the log names the claim and says ${found}, not what it holds`,
    limit,
    async (t) => {
      const captured = capturedLog()
      const world = await startTenants(t, { config: claimed(), log: captured.log })
      world.two.script.idTokenClaims = { organization }
      await world.newBrowser('acme').navigate('/login?return_to=/x')
      assert.ok(captured.text().includes(`"tenantClaim":{"organization":"${found}"}`))
    },
  )

test(
  'tenant_claim › values of its own, such as a GUID › count instead of the id',
  limit,
  async (t) => {
    const world = await startTenants(t, { config: claimed(['guid-1', 'guid-2']) })
    for (const [organization, status] of [['guid-2', 200], ['acme', 401]] as const) {
    world.two.script.idTokenClaims = { organization }
    assert.equal((await (await world.loggedIn('acme')).call('/api/x')).status, status)
  } // prettier-ignore
  },
)

test(
  'tenant_claim › told by the UserInfo endpoint alone › lets in, and a refresh without it changes nothing',
  limit,
  async (t) => {
    const world = await startTenants(t, { config: claimed() })
    world.two.script.userInfo = (_req, res) =>
      sendJson(res, 200, { sub: 'user-1', organization: ['acme'] })
    const user = await world.loggedIn('acme')
    world.clock.advance(301)
    assert.equal((await user.call('/api/x')).status, 200)
    assert.equal(world.two.grants('refresh_token'), 1)
  },
)

const laterClaims = [
  [{ organization: ['beta'] }, 401],
  [{}, 401],
  [{ organization: ['acme', 'x'] }, 200],
] as const
for (const [later, status] of laterClaims)
  test(
    `tenant_claim › a refreshed ID token with ${JSON.stringify(later)} after one with acme › ${status}`,
    limit,
    async (t) => {
      const world = await startTenants(t, { config: claimed() })
      world.two.script.idTokenClaims = { organization: ['acme'] }
      const user = await world.loggedIn('acme')
      world.two.script.idTokenClaims = later
      world.clock.advance(301)
      const answer = await user.call('/api/x')
      assert.equal(answer.status, status)
      if (status === 200) return
      assert.equal(codeOf(answer), 'session_revoked')
      assert.equal(world.upstream.seen.length, 0)
      assert.equal(world.two.revoked.length, 1)
      assert.equal((await world.session('acme', user))['authenticated'], false)
    },
  )
