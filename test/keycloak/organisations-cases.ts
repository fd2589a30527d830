import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { codeOf } from '../support/login-steps.ts'
import { startOrderService } from './order-service.ts'
import { organisationsRealm, withIdsInOrg } from './organisations-realm.ts'
import type { PersonName } from './realm.ts'
import { lanes } from './setups.ts'
import type { TenantPlan, Visitor } from './tenants-world.ts'
import { startTenantsWorld } from './tenants-world.ts'

const lane = { ...lanes, timeout: 180_000 }
const tokenSeconds = 3

const basic = 'openid profile email'

/** How acme's people may be told: the tenant's scope, and what else differs. */
const ways: readonly (Pick<TenantPlan, 'id' | 'client'> & { settings: object })[] = [
  { id: 'every', settings: { scope: `${basic} organization:*`, tenant_claim: 'organization' } },
  { id: 'any', settings: { scope: `${basic} organization`, tenant_claim: 'organization' } },
  {
    id: 'ids',
    settings: { scope: `${basic} organization:acme`, tenant_claim: 'org' },
    client: withIdsInOrg,
  },
]

const start = async (t: TestContext) => {
  const { realm, join, leave } = await organisationsRealm()
  const { issuer } = realm
  const acme = await startOrderService(t, { issuer, tenant: 'acme' })
  const api = await startOrderService(t, { issuer })
  const named = (id: string) => ({ scope: `${basic} organization:${id}`, tenant_claim: 'organization' }) // prettier-ignore
  const world = await startTenantsWorld(t, {
    accessTokenSeconds: tokenSeconds,
    // What the ID token says.
    env: { SESSION_CLAIMS: 'organization,org' },
    tenants: [
      { id: 'acme', realm, place: { host: 'acme.localhost' }, settings: named('acme') },
      { id: 'globex', realm, place: { prefix: '/t/globex' }, settings: named('globex') },
      ...ways.map(({ id, settings, ...rest }) => ({
        ...rest,
        id,
        realm,
        place: { prefix: `/t/${id}` },
        settings: { ...settings, tenant_claim_values: ['acme'] },
      })),
    ],
    routes: [
      { path: '/api/acme', upstream: acme.origin },
      { path: '/api', upstream: api.origin },
    ],
  })
  return { ...world, api, acme, join, leave }
}

test(
  'Keycloak, organisations as tenants of one realm › members at their tenant › get in, with the tenant in the session and in the token',
  lane,
  async (t) => {
    const { visitor, tenant, acme } = await start(t)
    const alice = visitor('acme')
    await alice.logIn('alice')
    assert.equal((await alice.session())['tenant'], 'acme')
    const seen = await alice.call('/api/acme')
    assert.deepEqual([seen.status, seen.json()['tenants']], [200, ['acme']], seen.text)

    // Of both organisations, in one Keycloak session: the second login asks for nothing.
    const bob = visitor('acme')
    await bob.logIn('bob')
    const { origin, base } = tenant('globex')
    const landed = await bob.app.navigate(`${origin}${base}/login`)
    assert.equal(landed.url, `${origin}${base}/`, landed.text)
    const atGlobex = await bob.app.call(`${origin}${base}/api/x`)
    assert.deepEqual([atGlobex.status, atGlobex.json()['tenants']], [200, ['globex']])
    assert.deepEqual((await bob.call('/api/x')).json()['tenants'], ['acme'])
    const refused = await bob.app.call(`${origin}${base}/api/acme`)
    assert.deepEqual([refused.status, refused.json()['code']], [403, 'forbidden_tenant'])
    assert.deepEqual(acme.refused, ['forbidden_tenant'])
  },
)

test(
  'Keycloak, organisations as tenants of one realm › each scope and mapper › the shape of its claim, and all are understood',
  lane,
  async (t) => {
    const { visitor } = await start(t)
    const claimsOf = async (id: string, who: PersonName) => {
      const { logIn, call, session } = visitor(id)
      await logIn(who)
      assert.equal((await call('/api/x')).status, 200, id)
      return (await session())['user'] as { organization?: unknown; org?: Record<string, object> }
    }
    for (const id of ['acme', 'every', 'any'])
      assert.deepEqual((await claimsOf(id, 'alice')).organization, ['acme'], id)
    const { organization } = await claimsOf('every', 'bob')
    assert.deepEqual((organization as string[]).toSorted(), ['acme', 'globex'])
    const { org } = await claimsOf('ids', 'bob')
    assert.deepEqual([Object.keys(org ?? {}), Object.keys(org?.['acme'] ?? {})], [['acme'], ['id']])
  },
)

test(
  "Keycloak, organisations as tenants of one realm › another organisation's member, and one of none › 403 forbidden_tenant, nothing is sent",
  lane,
  async (t) => {
    const { visitor, tenant, lines, api } = await start(t)
    for (const [id, who] of [['globex', 'alice'], ['acme', 'carol'], ['every', 'carol'], ['any', 'carol'], ['ids', 'carol']] as const) {
      const stranger = visitor(id)
      const page = await stranger.logIn(who)
      assert.deepEqual([page.status, codeOf(page)], [403, 'forbidden_tenant'], page.text)
      assert.equal((await stranger.session())['authenticated'], false)
      assert.equal((await stranger.call('/api/x')).status, 401)
    } // prettier-ignore
    // With a session at Keycloak, which has her password again before it lets her go on.
    const alice = visitor('acme')
    await alice.logIn('alice')
    const { origin, base } = tenant('globex')
    const page = await alice.fillForms(`${origin}${base}/login`, { name: 'alice' })
    assert.deepEqual([page.status, codeOf(page)], [403, 'forbidden_tenant'], page.text)
    assert.equal((await alice.call('/api/x')).status, 200)
    assert.equal(api.passed.length, 1)
    assert.equal(lines().filter((line) => line.includes('"reason":"forbidden_tenant"')).length, 6)
  },
)

const atAcme = ['acme', ...ways.map(({ id }) => id)]

/** What a call brings each of them: 200, or the code of a refusal. */
const outcomes = (visitors: readonly Visitor[]) =>
  Promise.all(
    visitors.map(async ({ call }) => {
      const { status, json } = await call('/api/x')
      return status === 200 ? 200 : json()['code']
    }),
  )

test(
  'Keycloak, organisations as tenants of one realm › a member is removed › the next refresh ends it at that tenant, by every scope and shape of the claim',
  lane,
  async (t) => {
    const { visitor, tenant, join, leave, events } = await start(t)
    const alices = atAcme.map(visitor)
    for (const { logIn } of alices) await logIn('alice')
    const bobs = ['every', 'globex'].map(visitor)
    for (const { logIn } of bobs) await logIn('bob')
    await sleep(tokenSeconds * 1_000)
    assert.deepEqual(await outcomes([...alices, ...bobs]), [200, 200, 200, 200, 200, 200])
    for (const id of [...atAcme, 'globex'])
      assert.ok((await events(id, 'REFRESH_TOKEN')).length >= 1, id)

    for (const who of ['alice', 'bob'] as const) {
      await leave('acme', who)
      t.after(() => join('acme', who))
    }
    await sleep(tokenSeconds * 1_000 + 500)
    // Keycloak itself refuses the grant of whoever is in no organisation that was asked for; of several, one less is in the token.
    const refused = alices.map(() => 'session_expired')
    assert.deepEqual(await outcomes([...alices, ...bobs]), [...refused, 'session_revoked', 200])
    // Keycloak's own session brings nobody back.
    const page = await alices[0]?.fillForms(`${tenant('acme').origin}/login`, { name: 'alice' })
    assert.deepEqual([page?.status, page && codeOf(page)], [403, 'forbidden_tenant'])
  },
)
