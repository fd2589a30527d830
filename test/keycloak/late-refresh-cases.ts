import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../support/raw.ts'
import { startHoldingProxy } from './holding-proxy.ts'
import { people } from './realm.ts'
import { setups } from './setups.ts'
import { realm } from './shared-realm.ts'
import { startWorld } from './world.ts'

const lifeSeconds = 6

for (const { name, brokers, lane } of setups)
  test(
    `${name}, R13 › a refresh comes home after the person has logged in again › the new session keeps its grant`,
    lane,
    async (t) => {
      const at = await realm()
      const proxy = await startHoldingProxy(t, at.issuer)
      const env = { OIDC_DISCOVERY_URL: proxy.discoveryUrl, REFRESH_AHEAD_SECONDS: '30' }
      const world = await startWorld(t, at, { brokers, env, accessTokenSeconds: lifeSeconds })
      const alice = world.newPerson()
      await alice.logIn('alice')
      proxy.hold()
      // In the last third of its life a token is renewed behind the calls.
      await sleep(lifeSeconds * 1_000 * 0.75)
      assert.equal((await alice.app.call('/api')).status, 200)
      await eventually('Keycloak has answered', () => proxy.held() === 1)
      const form = await alice.app.navigate('/login?prompt=login', 'same-origin')
      const landed = await alice.sendForm(form, { password: people.alice.password })
      assert.equal(landed.url, `${world.origin}/`, landed.text)
      proxy.release()
      await sleep(lifeSeconds * 1_000 + 200)
      const answer = await alice.app.call('/api')
      assert.equal(answer.status, 200, answer.text)
      assert.equal((await world.events('REFRESH_TOKEN')).length, 2)
      assert.deepEqual(await world.events('REVOKE_GRANT'), [])
      assert.deepEqual(await world.events('REFRESH_TOKEN_ERROR'), [])
    },
  )
