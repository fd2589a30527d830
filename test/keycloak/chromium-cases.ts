import assert from 'node:assert/strict'
import { test } from 'node:test'
import { assign, browserLanes, startAlice } from './chromium.ts'
import { levelsRealm, oneTimeCode } from './levels-realm.ts'
import type { ClientRepresentation } from './realm.ts'
import { realm } from './shared-realm.ts'
import { startWorld } from './world.ts'

test(
  'Chromium, Keycloak and two instances on Redis, STEP-4-a › step-up for a route of acr gold › by the code alone, back on the page, the route is open',
  browserLanes,
  async (t) => {
    const routes = [{ path: '/api/gold', require: { acr: ['gold'] } }]
    const world = await startWorld(t, await levelsRealm(), { brokers: 2, routes })
    const { page, cookie, get } = await startAlice(t, world.origin)
    const before = await cookie()
    const { status, body } = await get('/api/gold')
    assert.deepEqual([status, body['code']], [401, 'step_up_required'])
    await assign(page, String(body['login_url']))
    await page.fill('input[name="otp"]', oneTimeCode())
    await page.click('button[type="submit"], input[type="submit"]')
    await page.waitForURL(`${world.origin}/orders`)
    assert.equal((await get('/session')).body['acr'], 'gold')
    for (let call = 0; call < 2; call += 1) assert.equal((await get('/api/gold')).status, 200)
    assert.notEqual(await cookie(), before)
    assert.ok(world.served().every((count) => count > 2))
  },
)

/** The client as docs/providers/keycloak.md has it where front-channel logout is wanted. */
const byFrontchannel = (base: ClientRepresentation): ClientRepresentation => {
  const { 'backchannel.logout.url': address = '', ...attributes } = base.attributes
  return {
    ...base,
    frontchannelLogout: true,
    attributes: {
      ...attributes,
      'frontchannel.logout.url': address.replace('/backchannel-', '/frontchannel-'),
      'frontchannel.logout.session.required': 'true',
    },
  }
}

test(
  "Chromium, Keycloak and two instances on Redis, FCL-4.1-a, FCL-x › OIDC_FRONTCHANNEL=on, logout in another app › Keycloak's frame ends our session on both",
  browserLanes,
  async (t) => {
    const world = await startWorld(t, await realm(), {
      brokers: 2,
      client: byFrontchannel,
      env: { OIDC_FRONTCHANNEL: 'on' },
    })
    const other = await startWorld(t, await realm(), { hostname: '127.0.0.1' })
    const { page, cookie, get } = await startAlice(t, world.origin)
    assert.equal((await get('/api/me')).status, 200)
    const headers = { cookie: `session=${await cookie()}` }
    const bob = world.newPerson()
    await bob.logIn('bob')

    await page.goto(`${other.origin}/login`)
    const framed = page.waitForResponse((answer) => answer.url().includes('/frontchannel-logout'))
    await page.click('#logout')
    const frame = await framed
    assert.equal(frame.status(), 200)
    assert.match(frame.url(), /[?&]iss=.+&sid=|[?&]sid=.+&iss=/)
    await page.waitForURL((url) => url.origin === other.origin)
    for (const index of [0, 1]) {
      const { status, json } = await world.callAt(index, bob, '/api/me', { headers })
      assert.deepEqual([status, json()['code']], [401, 'session_revoked'])
      assert.equal((await world.callAt(index, bob)).status, 200, 'nobody else')
    }
    await page.goto(`${world.origin}/orders`)
    assert.equal((await get('/session')).body['authenticated'], false)
  },
)
