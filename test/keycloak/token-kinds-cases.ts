import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { JWTPayload } from 'jose'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { keycloakLane } from '../support/keycloak.ts'
import { eventually } from '../support/raw.ts'
import { startUpstream } from '../support/upstream.ts'
import { configFile } from './config-file.ts'
import type { ClientRepresentation } from './realm.ts'
import { realm } from './shared-realm.ts'
import { startWorld } from './world.ts'

const lane = { ...keycloakLane(), timeout: 180_000 }

/** As keycloak.md says: the target's audience is one that the client may have at all. */
const mayExchange =
  (target: string, isAllowed: boolean) =>
  (base: ClientRepresentation): ClientRepresentation => ({
    ...base,
    serviceAccountsEnabled: true,
    attributes: {
      ...base.attributes,
      'standard.token.exchange.enabled': String(isAllowed),
    },
    protocolMappers: [
      // The realm file has a list there.
      ...(base['protocolMappers'] as readonly object[]),
      {
        name: 'audience of billing',
        protocol: 'openid-connect',
        protocolMapper: 'oidc-audience-mapper',
        config: { 'included.client.audience': target, 'access.token.claim': 'true' },
      },
    ],
  })

const routesFile = (t: TestContext, upstream: string, target: string): Promise<string> => {
  const to = (route: object) => ({ upstream, ...route })
  const routes = [
    to({ path: '/api' }),
    to({ path: '/api/stock', token: 'service' }),
    to({ path: '/api/bills', token: 'exchange', audience: target }),
    to({ path: '/api/nowhere', token: 'exchange', audience: 'nobody-by-this-name' }),
  ]
  return configFile(t, { routes })
}

/** Two brokers whose client has a service account, and may exchange tokens for those of a second client. */
const start = async (
  t: TestContext,
  { isAllowed = true, accessTokenSeconds = 60 }: { isAllowed?: boolean; accessTokenSeconds?: number } = {}, // prettier-ignore
) => {
  const { admin, issuer, ...keycloak } = await realm()
  const target = `billing-${Date.now()}`
  const targetId = await admin.addClient({ clientId: target, attributes: {}, secret: 'unused' })
  t.after(() => admin.removeClient(targetId))
  const upstream = await startUpstream()
  t.after(() => upstream.close())
  const world = await startWorld(
    t,
    { admin, issuer, ...keycloak },
    {
      brokers: 2,
      accessTokenSeconds,
      client: mayExchange(target, isAllowed),
      env: { UPSTREAM: '', CONFIG_FILE: await routesFile(t, upstream.origin, target) },
    },
  )
  const keys = createRemoteJWKSet(new URL(`${issuer}/protocol/openid-connect/certs`))
  /** What the API reads in the token that came last, once it has checked it. */
  const claims = async (audience: string): Promise<JWTPayload> => {
    const token = (upstream.last().headers.authorization ?? '').replace('Bearer ', '')
    return (await jwtVerify(token, keys, { issuer, audience, clockTolerance: 2 })).payload
  }
  return { ...world, admin, target, upstream, claims }
}

const rolesIn = ({ realm_access: access }: JWTPayload): readonly string[] =>
  // Keycloak's claim, absent for who has no role.
  (access as { roles?: readonly string[] } | undefined)?.roles ?? []

test(
  'Keycloak, token: service › 20 calls on two brokers › one login of the client, with the roles of its service account',
  lane,
  async (t) => {
    const { admin, client, callAt, events, newPerson, claims } = await start(t)
    await admin.giveServiceRole(client.id, 'orders-write')
    const person = newPerson()
    await person.logIn('alice')
    const calls = Array.from({ length: 20 }, (_, i) => callAt(i, person, '/api/stock'))
    assert.ok((await Promise.all(calls)).every(({ status }) => status === 200))
    const found = await claims('orders-api')
    assert.equal(found['preferred_username'], `service-account-${client.clientId}`)
    assert.ok(rolesIn(found).includes('orders-write'))
    assert.notEqual(found.sub, (await person.app.session())['sub'])
    assert.equal((await events('CLIENT_LOGIN')).length, 1)
  },
)

test(
  'Keycloak, token: exchange › calls on two brokers (TX-2-a, RI-x) › the same person, for that API alone, exchanged once',
  lane,
  async (t) => {
    const { client, target, callAt, events, newPerson, claims } = await start(t)
    const person = newPerson()
    await person.logIn('alice')
    assert.equal((await callAt(0, person, '/api')).status, 200)
    const own = await claims('orders-api')
    for (let calls = 0; calls < 6; calls += 1)
      assert.equal((await callAt(calls, person, '/api/bills')).status, 200)
    const found = await claims(target)
    assert.equal(found.sub, own.sub)
    assert.equal(found.aud, target)
    assert.equal(found['azp'], client.clientId)
    assert.equal((await events('TOKEN_EXCHANGE')).length, 1)
  },
)

test(
  'Keycloak, token: exchange › past the end of its tokens, with rotation › exchanged anew from the refreshed one; a logout ends it',
  lane,
  async (t) => {
    const { target, callAt, events, newPerson, claims } = await start(t, { accessTokenSeconds: 4 })
    const person = newPerson()
    await person.logIn('alice')
    assert.equal((await callAt(0, person, '/api/bills')).status, 200)
    const { exp: first = 0 } = await claims(target)
    await new Promise((resolve) => setTimeout(resolve, 5_000))
    assert.equal((await callAt(1, person, '/api/bills')).status, 200)
    const { exp: second = 0 } = await claims(target)
    assert.ok(second > first)
    assert.equal((await events('REFRESH_TOKEN_ERROR')).length, 0)
    const headers = { cookie: person.app.cookieHeader() }
    await person.logOut()
    const after = await callAt(1, person, '/api/bills', { headers })
    assert.deepEqual([after.status, after.json()['code']], [401, 'session_revoked'])
  },
)

test(
  'Keycloak, token: exchange › not allowed for the client, or an audience it may not have › 502 token_refused, the log says why',
  lane,
  async (t) => {
    for (const [isAllowed, path, words] of [
      [false, '/api/bills', /"reason":"invalid_request".*token exchange is not enabled/],
      [true, '/api/nowhere', /"reason":"invalid_client".*Audience not found/],
    ] as const) {
      const { callAt, instance, newPerson, upstream } = await start(t, { isAllowed })
      const person = newPerson()
      await person.logIn('alice')
      const answer = await callAt(0, person, path)
      assert.deepEqual([answer.status, answer.json()['code']], [502, 'token_refused'], answer.text)
      assert.equal(upstream.seen.length, 0)
      const line = () => instance(0).lines().find((text) => text.includes('gives no token for a route')) // prettier-ignore
      await eventually('the log says so', () => line() !== undefined)
      assert.match(line() ?? '', words)
      assert.equal((await callAt(0, person, '/api')).status, 200)
    }
  },
)
