import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import { levelsRealm, oneTimeCode } from './levels-realm.ts'
import type { Person } from './person.ts'
import { people } from './realm.ts'
import type { Setup } from './setups.ts'
import { setups } from './setups.ts'
import type { WorldOptions } from './world.ts'
import { startWorld } from './world.ts'

/** How the person authenticates again in the same Keycloak session, for another client of it. */
type Way = { readonly how: string; readonly fields: () => Record<string, string> }

const byPassword: Way = {
  how: 'prompt=login',
  fields: () => ({ password: people.alice.password }),
}
const byCode: Way = { how: 'acr_values=gold', fields: () => ({ otp: oneTimeCode() }) }

const lifeSeconds = 4

/** Two apps of one Keycloak session; two seconds after the login in ours, the person authenticates again for the other. */
const authenticateElsewhere = async (
  t: TestContext,
  { how, fields }: Way,
  options: WorldOptions,
) => {
  const at = await levelsRealm()
  const routes = [{ path: '/api/gold', require: { acr: ['gold'] } }]
  const world = await startWorld(t, at, { ...options, routes, accessTokenSeconds: lifeSeconds })
  const other = await startWorld(t, at, { hostname: '127.0.0.1' })
  const alice = world.newPerson()
  await alice.logIn('alice')
  const session = await alice.app.session()
  await sleep(2_000)
  const form = await alice.app.navigate(`${other.origin}/login?${how}`)
  const landed = await alice.sendForm(form, fields())
  assert.equal(landed.url, `${other.origin}/`, landed.text)
  await sleep(lifeSeconds * 1_000)
  return { world, alice, session }
}

/** The ID token that the session holds, which the browser sees in one place alone: the address of Keycloak's logout. */
const idTokenOf = async ({ app }: Person) => {
  const answer = await app.call('/logout', { method: 'POST', headers: await app.csrf() })
  const { headers } = await app.visit(String(answer.json()['redirect_to']), 'same-origin')
  return decodeJwt(new URL(headers.location ?? '').searchParams.get('id_token_hint') ?? '')
}

const showGoesOn = ({ name, brokers, lane }: Setup, way: Way) => {
  test(
    `${name} › ${way.how} for another client › the refreshed ID token has a later auth_time; the session goes on as it was`,
    lane,
    async (t) => {
      const { world, alice, session } = await authenticateElsewhere(t, way, { brokers })
      const { app } = alice
      const answer = await app.call('/api')
      assert.equal(answer.status, 200, answer.text)
      const { auth_time: authTime, acr } = await app.session()
      assert.deepEqual([authTime, acr], [session['auth_time'], 'silver'])
      assert.equal((await app.call('/api/gold')).json()['code'], 'step_up_required')
      assert.ok((await world.events('REFRESH_TOKEN')).length >= 1)
      const { auth_time: moved } = await idTokenOf(alice)
      assert.ok(Number(moved) >= Number(authTime) + 2, `${String(moved)}, ${String(authTime)}`)
    },
  )
}

const showEndsByTheLetter = ({ name, lane }: Setup) => {
  test(
    `${name} with OIDC_PROFILE=generic, OIDC-12.2-b › prompt=login for another client › by the letter, the next refresh ends the session`,
    lane,
    async (t) => {
      const env = { OIDC_PROFILE: 'generic' }
      const { alice } = await authenticateElsewhere(t, byPassword, { env })
      assert.equal((await alice.app.call('/api')).json()['code'], 'session_revoked')
    },
  )
}

// Each waits for time to pass, in a Keycloak session of its own.
suite('Keycloak, authenticated again elsewhere', { concurrency: 4 }, () => {
  const [alone, twice] = setups
  showGoesOn(alone, byPassword)
  showGoesOn(alone, byCode)
  showGoesOn(twice, byPassword)
  showEndsByTheLetter(alone)
})
