import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from '../support/browser.ts'
import { levelsRealm, oneTimeCode } from './levels-realm.ts'
import type { Person } from './person.ts'
import { asksForCode, asksForPassword } from './person.ts'
import { people } from './realm.ts'
import type { Setup } from './setups.ts'
import { setups } from './setups.ts'
import { startWorld } from './world.ts'

const routes = [
  { path: '/api/gold', require: { acr: ['gold'] } },
  { path: '/api/platinum', require: { acr: ['platinum'] } },
  { path: '/api/recent', require: { max_age: 2 } },
]

const verdict = ({ status, json }: Answer) => [status, json()['code']]
const cookieOf = ({ app }: Person) => app.cookies().get('session')?.value

/** Where a refused call of the page `/orders?page=2` is told to go. */
const stepUpUrl = async ({ app }: Person, origin: string, path: string): Promise<string> => {
  const refused = await app.call(path, { headers: { referer: `${origin}/orders?page=2` } })
  assert.deepEqual(verdict(refused), [401, 'step_up_required'], refused.text)
  return String(refused.json()['login_url'])
}

const showAcr = ({ name, brokers, lane }: Setup) => {
  test(
    `${name}, STEP-4-a, V7.5.3 › a route for acr gold, a login of silver › a code is asked for; a new session has the route, the old one is dead`,
    lane,
    async (t) => {
      const options = { brokers, routes, accessTokenSeconds: 4 }
      const world = await startWorld(t, await levelsRealm(), options)
      const alice = world.newPerson()
      const { app, logIn, sendForm } = alice
      await logIn('alice')
      assert.equal((await app.session())['acr'], 'silver')
      const [cookie, header] = [cookieOf(alice), app.cookieHeader()]
      const url = await stepUpUrl(alice, world.origin, '/api/gold')
      const page = await app.navigate(url, 'same-origin')
      assert.ok(asksForCode(page), page.text)
      const landed = await sendForm(page, { otp: oneTimeCode() })
      assert.equal(landed.url, `${world.origin}/orders?page=2`, landed.text)

      assert.equal((await app.session())['acr'], 'gold')
      assert.notEqual(cookieOf(alice), cookie)
      for (const index of [0, 1]) {
        assert.equal((await world.callAt(index, alice, '/api/gold')).status, 200)
        const old = await world.callAt(index, alice, '/api', { headers: { cookie: header } })
        assert.deepEqual(verdict(old), [401, 'session_revoked'])
      }
      await sleep(4_200)
      assert.equal((await app.call('/api/gold')).status, 200, 'after a refresh')
      assert.ok((await world.events('REFRESH_TOKEN')).length >= 1)
      assert.deepEqual(await world.events('REFRESH_TOKEN_ERROR'), [])
    },
  )
}

const showMaxAge = ({ name, brokers, lane }: Setup) => {
  test(
    `${name}, OIDC-3.1.3.7-13 › a route for max_age 2, a login that is older › the password is asked for again, and the route is open`,
    lane,
    async (t) => {
      const world = await startWorld(t, await levelsRealm(), { brokers, routes })
      const alice = world.newPerson()
      const { app, logIn, sendForm } = alice
      await logIn('alice')
      const { auth_time: before } = await app.session()
      const cookie = cookieOf(alice)
      await sleep(4_100)
      const url = await stepUpUrl(alice, world.origin, '/api/recent')
      const page = await app.navigate(url, 'same-origin')
      assert.ok(asksForPassword(page), page.text)
      const landed = await sendForm(page, { password: people.alice.password })
      assert.equal(landed.url, `${world.origin}/orders?page=2`, landed.text)
      assert.equal((await app.call('/api/recent')).status, 200)
      assert.ok(Number((await app.session())['auth_time']) >= Number(before) + 4)
      assert.notEqual(cookieOf(alice), cookie)
    },
  )
}

const showTooWeak = ({ name, brokers, lane }: Setup) => {
  test(
    `${name}, OIDC-3.1.3.7-12 › a level that Keycloak does not have › login_failed; the session is as it was, its next refresh too`,
    lane,
    async (t) => {
      const options = { brokers, routes, accessTokenSeconds: 4 }
      const world = await startWorld(t, await levelsRealm(), options)
      const alice = world.newPerson()
      const { app, logIn } = alice
      await logIn('alice')
      const cookie = cookieOf(alice)
      const url = await stepUpUrl(alice, world.origin, '/api/platinum')
      const failed = await app.navigate(url, 'same-origin')
      assert.equal(failed.status, 400, failed.text)
      assert.match(failed.text, /login_failed/)
      assert.equal(cookieOf(alice), cookie)
      await sleep(4_200)
      assert.equal((await app.call('/api')).status, 200)
      assert.deepEqual(await world.events('REFRESH_TOKEN_ERROR'), [])
    },
  )
}

const showWish = ({ name, lane }: Setup) => {
  test(
    `${name} › /login?acr_values=gold without a session › password and code; /session says gold`,
    lane,
    async (t) => {
      const world = await startWorld(t, await levelsRealm())
      const { app, fillIn, sendForm } = world.newPerson()
      const form = await app.navigate('/login?acr_values=gold&return_to=/vault')
      const second = await fillIn(form, 'alice')
      assert.ok(asksForCode(second), second.text)
      const landed = await sendForm(second, { otp: oneTimeCode() })
      assert.equal(landed.url, `${world.origin}/vault`)
      assert.equal((await app.session())['acr'], 'gold')
    },
  )
}

// Each waits for time to pass, in a Keycloak session of its own.
suite('Keycloak, levels of authentication', { concurrency: 4 }, () => {
  const [alone, twice] = setups
  for (const setup of setups) {
    showAcr(setup)
    showMaxAge(setup)
  }
  showTooWeak(twice)
  showWish(alone)
})
