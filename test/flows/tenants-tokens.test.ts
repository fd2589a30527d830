import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startSecondBroker } from '../support/second-broker.ts'
import { sendJson } from '../support/plain-http.ts'
import { startTenants, tenantNames } from '../support/tenants.ts'
import { route } from '../support/world.ts'

const limit = { timeout: 30_000 }

/** Which client a token request is of. */
const clientOf = (authorization: string | undefined): string =>
  decodeURIComponent(
    Buffer.from((authorization ?? '').split(' ')[1] ?? '', 'base64')
      .toString()
      .split(':')[0] ?? '',
  )

test(
  'service tokens › of several tenants › each of its own client, shared with other instances of the broker',
  limit,
  async (t) => {
    const world = await startTenants(t, {
      routes: (upstream) => [
        route('/api/s', upstream.origin, { token: 'service', scope: 'orders' }),
      ],
    })
    for (const { script } of [world.one, world.two])
      script.interceptToken = ({ grantType, authorization }, res) => {
        if (grantType !== 'client_credentials') return false
        const token = { token_type: 'Bearer', expires_in: 300 }
        sendJson(res, 200, { ...token, access_token: `cc-${clientOf(authorization)}` })
        return true
      }
    const second = await startSecondBroker(t, world)
    for (const name of tenantNames) {
      const user = await world.loggedIn(name)
      const client = name === 'default' ? 'scripted-client' : `${name}-client`
      for (let i = 0; i < 2; i += 1) {
        assert.equal((await user.call(world.address(name, '/api/s/x'))).status, 200)
        assert.equal(world.upstream.last().headers.authorization, `Bearer cc-${client}`)
      }
      const { base, origin } = world.places[name]
      const there = await second.call(user, `${base}/api/s/x`, new URL(origin).host)
      assert.equal(there.status, 200)
      assert.equal(world.upstream.last().headers.authorization, `Bearer cc-${client}`)
    }
    const asked = [world.one, world.two].map((issuer) => issuer.grants('client_credentials'))
    assert.deepEqual(asked, [2, 2])
  },
)

test(
  "refresh › of one tenant's session › by its own client, whatever becomes of another's provider",
  limit,
  async (t) => {
    const world = await startTenants(t)
    const [beta, gamma] = [await world.loggedIn('beta'), await world.loggedIn('gamma')]
    world.two.close()
    world.clock.advance(301)
    assert.equal((await beta.call('/t/beta/api/x')).status, 200)
    assert.equal(clientOf(world.one.tokenRequests.at(-1)?.authorization), 'beta-client')
    assert.equal((await gamma.call('/t/gamma/api/x')).status, 503)
    assert.equal((await world.session('gamma', gamma))['authenticated'], true)
  },
)
