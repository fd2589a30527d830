import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import { journey } from '../e2e/journey.ts'
import { chromiumSkip } from '../support/chromium.ts'
import { keycloakLane } from '../support/keycloak.ts'
import { asksForPassword } from './person.ts'
import type { PersonName } from './realm.ts'
import { people } from './realm.ts'
import { setups } from './setups.ts'
import { realm } from './shared-realm.ts'
import { oddSecret, startWorld } from './world.ts'

const lane = keycloakLane()

for (const setup of setups)
  test(
    `${setup.name} › the realm file as imported, login by the form › session with roles, the API gets a token made for it`,
    setup.lane,
    async (t) => {
      const options = { isImported: true, brokers: setup.brokers }
      const { api, origin, served, newPerson } = await startWorld(t, await realm(), options)
      const { app, logIn } = newPerson()
      const landed = await logIn('alice', '/login?return_to=/orders%3Fpage%3D2')
      assert.equal(landed.url, `${origin}/orders?page=2`)
      const session = await app.session()
      const { sub, name, email } = session['user'] as Record<string, string>
      assert.deepEqual([name, email], ['Alice Archer', 'alice@shop.example'])
      assert.deepEqual(new Set(session['roles'] as string[]), new Set(people.alice.roles))
      assert.doesNotMatch(JSON.stringify(session), /eyJ/)

      const me = await app.call('/api/me')
      assert.deepEqual([me.status, me.json()['sub']], [200, sub], me.text)
      assert.equal(api.last().headers.cookie, undefined)
      assert.equal(api.checked.size, 1)
      assert.ok(served().every((count) => count > 0))
    },
  )

const roleRows: readonly { user: PersonName; roles: readonly string[]; reads: number }[] = [
  { user: 'bob', roles: ['orders-read'], reads: 200 },
  { user: 'carol', roles: [], reads: 403 },
]

for (const { name, brokers, lane: needed } of setups)
  test(
    `${name} › people with other roles › their session and their calls show them`,
    needed,
    async (t) => {
      const { callAt, newPerson } = await startWorld(t, await realm(), { brokers })
      for (const { user, roles, reads } of roleRows) {
        const somebody = newPerson()
        await somebody.logIn(user)
        assert.deepEqual((await somebody.app.session())['roles'], roles)
        for (const index of [0, 1])
          assert.equal((await callAt(index, somebody, '/api/orders')).status, reads)
      }
    },
  )

test('Keycloak › wrong password, then the right one › no session, then one', lane, async (t) => {
  const { newPerson } = await startWorld(t, await realm())
  const { app, fillIn } = newPerson()
  const again = await fillIn(await app.navigate('/login'), 'bob', 'wrong')
  assert.ok(asksForPassword(again))
  assert.equal((await app.session())['authenticated'], false)
  await fillIn(again, 'bob')
  assert.equal((await app.session())['authenticated'], true)
})

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const key = { kid: 'c1', use: 'sig', alg: 'ES256' }
const allowed = 'client.secret.authentication.allowed.method'

const proofs = [
  { method: 'client_secret_basic', client: {}, attributes: { [allowed]: 'client_secret_basic' } },
  { method: 'client_secret_post', client: {}, attributes: { [allowed]: 'client_secret_post' } },
  {
    method: 'private_key_jwt',
    client: { clientAuthenticatorType: 'client-jwt', secret: undefined },
    attributes: {
      'use.jwks.string': 'true',
      'jwks.string': JSON.stringify({ keys: [{ ...publicKey.export({ format: 'jwk' }), ...key }] }),
      'token.endpoint.auth.signing.alg': 'ES256',
    },
    env: {
      OIDC_CLIENT_SECRET: '',
      OIDC_CLIENT_KEYS: JSON.stringify([{ ...privateKey.export({ format: 'jwk' }), ...key }]),
    },
  },
] as const

for (const { method, attributes, client: over, ...rest } of proofs)
  test(
    `Keycloak › a client that may only use ${method} › login, refresh and revocation pass`,
    lane,
    async (t) => {
      const world = await startWorld(t, await realm(), {
        env: { OIDC_CLIENT_AUTH: method, ...('env' in rest && rest.env) },
        accessTokenSeconds: 1,
        secret: oddSecret,
        client: (base) => ({ ...base, ...over, attributes: { ...base.attributes, ...attributes } }),
      })
      const { app, logIn, logOut } = world.newPerson()
      await logIn('alice')
      await new Promise((resolve) => setTimeout(resolve, 1_100))
      const me = await app.call('/api/me')
      assert.equal(me.status, 200, me.text)
      assert.ok((await world.events('REFRESH_TOKEN')).length >= 1)
      await logOut()
      assert.deepEqual(await world.events('REFRESH_TOKEN_ERROR'), [])
    },
  )

for (const { name, brokers, lane: needed } of setups)
  test(
    `${name} › prompt=none › with its session a login without a form, without one back to the app`,
    needed,
    async (t) => {
      const { origin, newPerson } = await startWorld(t, await realm(), { brokers })
      const stranger = newPerson()
      const back = await stranger.app.navigate('/login?prompt=none&return_to=/here')
      assert.deepEqual([back.url, back.status], [`${origin}/here`, 200])
      assert.equal((await stranger.app.session())['authenticated'], false)

      const { app, logIn } = newPerson()
      await logIn('alice')
      const before = app.cookies().get('session')?.value ?? ''
      app.setCookie('session', 'lost')
      assert.equal((await app.session())['authenticated'], false)
      const silent = await app.navigate('/login?prompt=none&return_to=/there')
      assert.deepEqual([silent.url, silent.status], [`${origin}/there`, 200])
      assert.equal((await app.session())['authenticated'], true)
      assert.notEqual(app.cookies().get('session')?.value, before)
    },
  )

test(
  'Chromium and Keycloak › login, session, API, silent refresh, logout › no token is ever seen',
  { skip: lane.skip !== false ? lane.skip : chromiumSkip },
  async (t) => {
    const world = await startWorld(t, await realm(), { accessTokenSeconds: 8 })
    await journey(t, {
      origin: world.origin,
      user: 'alice',
      password: people.alice.password,
      cookieName: 'session',
      secrets: () => [oddSecret],
      picture: 'keycloak',
    })
    assert.ok((await world.events('REFRESH_TOKEN')).length >= 1)
  },
)
