import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from '../support/browser.ts'
import { startUpstream } from '../support/upstream.ts'
import { addRealm } from './further-realm.ts'
import { startOrderService } from './order-service.ts'
import type { ClientRepresentation, Realm } from './realm.ts'
import { users } from './realm.ts'
import { lanes } from './setups.ts'
import { realm } from './shared-realm.ts'
import { startTenantsWorld } from './tenants-world.ts'

const lane = { ...lanes, timeout: 180_000 }

/** In the second realm another person has alice's name: with another password, and one role less. */
const other = { lastName: 'Abbott', password: 'looking-glass', roles: ['orders-read'] }

let second: Promise<Realm> | undefined
const secondRealm = (): Promise<Realm> =>
  (second ??= addRealm(
    'latchkey-globex',
    users
      .filter(({ username }) => username === 'alice')
      .map((alice) => ({
        ...alice,
        lastName: other.lastName,
        realmRoles: other.roles,
        credentials: [{ type: 'password', value: other.password }],
      })),
  ))

/** As the documentation has it: the client's name says nothing, the issuer tells them apart. */
const sameName = (base: ClientRepresentation): ClientRepresentation => ({
  ...base,
  clientId: base.clientId.replace(/^[a-z]+/, 'latchkey'),
})

/** A tenant by host and one by prefix, each with a realm; a service of each, and an API for both. */
const start = async (t: TestContext) => {
  const [one, two] = [await realm(), await secondRealm()]
  const acme = await startOrderService(t, { issuer: one.issuer, roles: { write: ['orders-write'] } }) // prettier-ignore
  const globex = await startOrderService(t, { issuer: two.issuer, scopes: ['profile'] })
  const upstream = await startUpstream()
  t.after(() => upstream.close())
  const world = await startTenantsWorld(t, {
    tenants: [
      { id: 'acme', realm: one, place: { host: 'acme.localhost' }, client: sameName },
      { id: 'globex', realm: two, place: { prefix: '/t/globex' }, client: sameName },
    ],
    routes: [
      { path: '/api/acme', upstream: acme.origin },
      { path: '/api/globex', upstream: globex.origin },
      { path: '/api/own', upstream: upstream.origin, tenants: ['acme'] },
      { path: '/api', upstream: upstream.origin, require: { roles: { write: ['orders-write'] } } },
    ],
  })
  const [a, b] = [world.visitor('acme'), world.visitor('globex')]
  await a.logIn('alice')
  await b.logIn('alice', other.password)
  return { ...world, acme, globex, upstream, a, b, one, two }
}

const verdict = ({ status, json }: Answer) => [status, json()['code']]

test(
  'Keycloak, two realms as two tenants on two instances › one user name in both › two persons, each with the roles of their realm',
  lane,
  async (t) => {
    const { a, b, acme, globex, upstream } = await start(t)
    const [atAcme, atGlobex] = [await a.session(), await b.session()]
    assert.deepEqual([atAcme['tenant'], atGlobex['tenant']], ['acme', 'globex'])
    const persons = [atAcme, atGlobex].map(({ user }) => user as { sub: string; name: string })
    assert.deepEqual(
      persons.map(({ name }) => name),
      ['Alice Archer', `Alice ${other.lastName}`],
    )
    assert.notEqual(persons[0]?.sub, persons[1]?.sub)
    assert.deepEqual(atGlobex['roles'], other.roles)

    assert.equal((await a.write('/api/orders')).status, 200)
    assert.equal(upstream.seen.length, 1)
    assert.deepEqual(verdict(await b.write('/api/orders')), [403, 'forbidden_role'])
    assert.deepEqual(verdict(await b.call('/api/own')), [403, 'forbidden_tenant'])
    assert.equal((await a.call('/api/own')).status, 200)
    assert.equal(upstream.seen.length, 2)

    // Each service knows its own realm alone, whoever stands before it.
    assert.equal((await a.write('/api/acme')).status, 200)
    assert.equal((await b.call('/api/globex')).status, 200)
    assert.deepEqual([acme.passed, globex.passed].map((seen) => seen[0]?.sub), persons.map(({ sub }) => sub)) // prettier-ignore
    for (const [visitor, path] of [[b, '/api/acme'], [a, '/api/globex']] as const) {
      assert.deepEqual(verdict(await visitor.call(path)), [401, 'invalid_token'])
      assert.equal((await visitor.session())['authenticated'], true)
    } // prettier-ignore
    assert.deepEqual([acme.passed.length, globex.passed.length], [1, 1])
    // Each call is tried with a second token before the browser hears of it.
    assert.deepEqual([...acme.refused, ...globex.refused], Array(4).fill('no_key'))
  },
)

test(
  'Keycloak, two realms as two tenants on two instances › a cookie at the other tenant, under either name › 401, nothing is sent',
  lane,
  async (t) => {
    const { a, b, callAt, upstream } = await start(t)
    const [mine, theirs] = [
      a.app.cookies().get('session')?.value,
      b.app.cookies().get('session-globex')?.value,
    ]
    assert.ok(mine && theirs)
    const swapped: readonly (readonly [id: string, stolen: string])[] = [['acme', theirs], ['globex', mine]] // prettier-ignore
    for (const index of [0, 1]) {
      assert.equal((await callAt(index, 'acme', '/api/x', `session=${mine}`)).status, 200)
      assert.equal((await callAt(index, 'globex', '/api/x', `session-globex=${theirs}`)).status, 200) // prettier-ignore
      for (const [id, stolen] of swapped) {
        const cookie = `session=${stolen}; session-globex=${stolen}`
        assert.deepEqual(verdict(await callAt(index, id, '/api/x', cookie)), [401, 'login_required']) // prettier-ignore
      } // prettier-ignore
    }
    assert.equal(upstream.seen.length, 4)
  },
)

test(
  'Keycloak, two realms as two tenants on two instances, BCL-2.7-a › one realm logs its user out › ends at its tenant on both, the namesake stays',
  lane,
  async (t) => {
    const { a, b, callAt, one, two, events } = await start(t)
    const cookies = { acme: a.app.cookieHeader(), globex: b.app.cookieHeader() } as const
    const status = async (id: 'acme' | 'globex', index: number) =>
      (await callAt(index, id, '/api/x', cookies[id])).status
    await one.admin.logOutUser('alice')
    for (let tries = 0; tries < 50 && (await status('acme', 0)) === 200; tries += 1)
      await sleep(100)
    for (const index of [0, 1]) {
      assert.deepEqual(verdict(await callAt(index, 'acme', '/api/x', cookies.acme)), [401, 'session_revoked']) // prettier-ignore
      assert.equal(await status('globex', index), 200)
    }
    await two.admin.logOutUser('alice')
    for (let tries = 0; tries < 50 && (await status('globex', 0)) === 200; tries += 1)
      await sleep(100)
    for (const index of [0, 1]) assert.equal(await status('globex', index), 401)
    for (const id of ['acme', 'globex'])
      assert.deepEqual(await events(id, 'REFRESH_TOKEN_ERROR'), [])
  },
)
