import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { AccessToken } from '../../server/token-validation/service.ts'
import { send } from '../support/browser.ts'
import { eventually } from '../support/raw.ts'
import { configFile } from './config-file.ts'
import { startOrderService } from './order-service.ts'
import type { ClientRepresentation } from './realm.ts'
import { setups } from './setups.ts'
import { realm } from './shared-realm.ts'
import { startWorld } from './world.ts'

const [{ lane: single }] = setups
const lane = { ...single, timeout: 120_000 }

/** Routes that check tokens here, before a service that checks them too. */
const start = async (
  t: TestContext,
  client: (base: ClientRepresentation) => ClientRepresentation,
) => {
  const at = await realm()
  const service = await startOrderService(t, {
    issuer: at.issuer,
    roles: { write: ['orders-write'] },
    scopes: ['profile', 'email'],
  })
  const route = (path: string, settings: object) => ({ path, upstream: service.origin, ...settings }) // prettier-ignore
  const verified = { verify_token: true }
  const routes = [
    route('/api/login', verified),
    route('/api/route', { ...verified, audience: 'orders-api' }),
    route('/api/other', { ...verified, audience: 'billing-api' }),
    route('/api/service', { ...verified, token: 'service' }),
    route('/api', {}),
  ]
  const CONFIG_FILE = await configFile(t, { routes })
  const env = { UPSTREAM: '', OIDC_AUDIENCE: 'orders-api', CONFIG_FILE }
  const world = await startWorld(t, at, { env, client: (base) => ({ ...client(base), serviceAccountsEnabled: true }) }) // prettier-ignore
  const person = world.newPerson()
  const write = async (path: string) =>
    person.app.call(path, { method: 'POST', headers: await person.app.csrf(), body: '{}' })
  return { ...world, ...person, at, service, write }
}

test(
  "Keycloak, verify_token and the service's own check › the audience mapper is there › its tokens pass both, with roles and scopes",
  lane,
  async (t) => {
    const { app, logIn, service, write } = await start(t, (base) => base)
    await logIn('bob')
    for (const path of ['/api/login', '/api/route', '/api'])
      assert.equal((await app.call(path)).status, 200, path)
    const [{ sub, roles, scopes, audience, scheme }] = service.passed as [AccessToken]
    assert.equal(sub, ((await app.session())['user'] as { sub: string }).sub)
    assert.ok(roles.includes('orders-read') && audience.includes('orders-api'))
    assert.ok(scopes.includes('profile') && scheme === 'Bearer')
    const refused = await write('/api/login')
    assert.deepEqual([refused.status, refused.json()['code']], [403, 'forbidden_role'])
    assert.deepEqual(service.refused, ['forbidden_role'])
  },
)

test(
  'Keycloak, verify_token, AT-4-a › an audience that its tokens have not, or no mapper › 403 insufficient_scope, nothing is sent, the log says why',
  lane,
  async (t) => {
    const withoutMapper = (base: ClientRepresentation) => ({ ...base, protocolMappers: [] })
    for (const [client, path] of [
      [(base: ClientRepresentation) => base, '/api/other'],
      [withoutMapper, '/api/login'],
      [withoutMapper, '/api/route'],
    ] as const) {
      const { app, logIn, service, instance } = await start(t, client)
      await logIn('alice')
      const answer = await app.call(path)
      const { code, detail } = answer.json()
      assert.deepEqual([answer.status, code], [403, 'insufficient_scope'], answer.text)
      assert.match(String(detail), /audience/)
      assert.deepEqual([service.passed, service.refused], [[], []])
      const line = () => instance(0).lines().find((text) => text.includes('refused by verify_token')) // prettier-ignore
      await eventually('the log says so', () => line() !== undefined)
      assert.match(line() ?? '', /"reason":"audience"/)
      assert.equal((await app.session())['authenticated'], true)
    }
  },
)

test(
  "Keycloak, verify_token and the service's own check › the client's own token › passes both, by the roles of the service account",
  lane,
  async (t) => {
    const { at, app, client, logIn, service, write } = await start(t, (base) => base)
    await at.admin.giveServiceRole(client.id, 'orders-write')
    await logIn('bob')
    assert.equal((await write('/api/service')).status, 200)
    const [{ sub, clientId, roles, audience }] = service.passed as [AccessToken]
    assert.notEqual(sub, ((await app.session())['user'] as { sub: string }).sub)
    assert.deepEqual([clientId, audience.includes('orders-api')], [client.clientId, true])
    assert.ok(roles.includes('orders-write'))
    // What the client may, bob still may not; and nobody comes past the broker.
    assert.equal((await write('/api/login')).status, 403)
    assert.equal((await send(`${service.origin}/api/service`)).status, 401)
    assert.equal(service.passed.length, 1)
  },
)
