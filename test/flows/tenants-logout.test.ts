import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import type { JWTPayload } from 'jose'
import { send } from '../support/browser.ts'
import { codeOf } from '../support/login-steps.ts'
import type { ScriptedIssuer } from '../support/scripted-issuer.ts'
import type { TenantName, TenantsWorld } from '../support/tenants.ts'
import { startTenants, tenantNames } from '../support/tenants.ts'

const limit = { timeout: 30_000 }
const event = 'http://schemas.openid.net/event/backchannel-logout'

type Json = Record<string, unknown>

const logoutToken = (
  issuer: ScriptedIssuer,
  aud: string | string[] | undefined,
  change: Json = {},
): Promise<string> => {
  const now = Math.floor(Date.now() / 1_000)
  const claims: JWTPayload = { iss: issuer.issuer, ...(aud !== undefined && { aud }), iat: now, exp: now + 120, jti: randomUUID(), events: { [event]: {} } } // prettier-ignore
  return issuer.sign({ ...claims, ...change }, { typ: 'logout+jwt' })
}

/** By a name that only the provider's side of the network knows. */
const post = (world: TenantsWorld, token: string, path = '/backchannel-logout') =>
  send(`${world.origin}${path}`, {
    method: 'POST',
    headers: { host: 'broker.internal', 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ logout_token: token }).toString(),
  })

const clientOf = (name: TenantName): string =>
  name === 'default' ? 'scripted-client' : `${name}-client`

/** One person with one sid at every tenant, and who of them is still logged in. */
const startLoggedIn = async (world: TenantsWorld) => {
  const users = new Map(
    await Promise.all(tenantNames.map(async (name) => [name, await world.loggedIn(name)] as const)),
  )
  return async (): Promise<readonly TenantName[]> => {
    const kept: TenantName[] = []
    for (const [name, user] of users)
      if ((await world.session(name, user))['authenticated'] === true) kept.push(name)
    return kept
  }
}

for (const name of tenantNames)
  test(
    `backchannel-logout › R17 a token for ${name}, by any host › ends its session, and nobody else's with the same sub and sid`,
    limit,
    async (t) => {
      const world = await startTenants(t)
      const kept = await startLoggedIn(world)
      const token = await logoutToken(world.issuers[name], clientOf(name), { sid: 'op-session-1' })
      assert.equal((await post(world, token)).status, 200)
      const others = tenantNames.filter((other) => other !== name)
      assert.deepEqual(await kept(), others)
      const bySub = await logoutToken(world.issuers[name], clientOf(name), { sub: 'user-1' })
      assert.equal((await post(world, bySub)).status, 200)
      assert.deepEqual(await kept(), others)
    },
  )

test(
  "backchannel-logout › R17 a token of one provider that speaks of another's tenant › 400, and nobody is logged out",
  limit,
  async (t) => {
    const world = await startTenants(t)
    const kept = await startLoggedIn(world)
    const sid = { sid: 'op-session-1' }
    const tokens = [
      // Signed by the one, in the name of the other.
      await logoutToken(world.one, 'acme-client', { ...sid, iss: world.two.issuer }),
      // The issuer's own word, for a client that it does not have with us.
      await logoutToken(world.one, 'acme-client', sid),
      await logoutToken(world.one, ['scripted-client', 'beta-client'], sid),
      await logoutToken(world.one, undefined, sid),
      'no.token.at-all',
    ]
    for (const token of tokens) {
      const answer = await post(world, token)
      assert.deepEqual([answer.status, codeOf(answer)], [400, 'invalid_request'])
    }
    assert.deepEqual(await kept(), tenantNames)
  },
)

test(
  "backchannel-logout › one jti at two issuers › is two tokens; under a tenant's prefix the endpoint is the same",
  limit,
  async (t) => {
    const world = await startTenants(t)
    const kept = await startLoggedIn(world)
    const same = { sid: 'op-session-1', jti: 'one' }
    for (const name of ['beta', 'acme'] as const) {
      const token = await logoutToken(world.issuers[name], clientOf(name), same)
      assert.equal((await post(world, token)).status, 200)
      assert.equal((await post(world, token)).status, 400)
    }
    const gamma = await logoutToken(world.two, 'gamma-client', { sid: 'op-session-1' })
    const answer = await send(`${world.origin}/t/beta/backchannel-logout`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ logout_token: gamma }).toString(),
    })
    assert.equal(answer.status, 200)
    assert.deepEqual(await kept(), ['default'])
  },
)

test(
  "frontchannel-logout › iss and sid at a tenant's own place › ends its session; another issuer's is refused",
  limit,
  async (t) => {
    const world = await startTenants(t, {
      config: (config) => ({
        ...config,
        tenants: config.tenants.map((one) => ({ ...one, frontchannel: 'iss_and_sid' as const })),
      }),
    })
    const kept = await startLoggedIn(world)
    const frame = (name: TenantName, iss: string) =>
    send(`${world.address(name, '/frontchannel-logout')}?iss=${encodeURIComponent(iss)}&sid=op-session-1`) // prettier-ignore
    assert.equal((await frame('acme', world.one.issuer)).status, 400)
    assert.equal((await frame('default', world.one.issuer)).status, 404)
    assert.deepEqual(await kept(), tenantNames)
    assert.equal((await frame('gamma', world.two.issuer)).status, 200)
    assert.deepEqual(await kept(), ['default', 'acme', 'beta'])
  },
)

test('logout › a ticket and a state of one tenant › lead nowhere at another', limit, async (t) => {
  const world = await startTenants(t)
  const user = await world.loggedIn('beta')
  const csrf = await world.csrf('beta', user)
  const out = { method: 'POST', headers: { 'x-csrf-token': csrf, accept: 'application/json' } }
  const left = await user.call('/t/beta/logout?return_to=/t/beta/bye', out)
  const ticket = new URL(String(left.json()['redirect_to']), world.origin)
  for (const name of ['gamma', 'default'] as const) {
    const stranger = await user.visit(`${world.places[name].base}/logout/continue${ticket.search}`)
    assert.equal(stranger.headers.location, `${world.places[name].base}/`)
  }
  const own = await user.visit(ticket.href)
  const end = new URL(own.headers.location ?? '')
  assert.equal(end.origin, world.one.issuer)
  const state = end.searchParams.get('state') ?? ''
  const back = (base: string) => user.visit(`${base}/logout/callback?state=${state}`)
  assert.equal((await back('/t/gamma')).headers.location, '/t/gamma/')
  assert.equal((await back('')).headers.location, '/')
  assert.equal((await back('/t/beta')).headers.location, '/t/beta/bye')
})
