import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gate } from '../support/gate.ts'
import { eventually } from '../support/raw.ts'
import { startWorld } from '../support/world.ts'

const life = 90

for (const [profile, revoked] of [
  ['generic', 1],
  ['keycloak', 0],
] as const)
  test(`step-up › OIDC_PROFILE=${profile}, the code's tokens come after OIDC_TIMEOUT_MS (R29) › ${revoked === 1 ? 'they are revoked' : 'they are left alone'}, and the session keeps its grant`, async (t) => {
    const world = await startWorld(t, {
      config: (config) => ({ ...config, tenant: { ...config.tenant, profile, timeoutMs: 300 } }),
    })
    world.issuer.script.accessTokenSeconds = life
    const user = await world.loggedIn()
    const go = gate<undefined>()
    let answers = 0
    world.issuer.script.interceptToken = async ({ grantType }) => {
      if (grantType === 'authorization_code') await go.promise
      return false
    }
    world.issuer.script.alterTokenAnswer = (answer) => {
      answers += 1
      return answer
    }
    const failed = await user.navigate('/login?prompt=login', 'same-origin')
    assert.equal(failed.status, 503)
    go.resolve(undefined)
    await eventually('the tokens are there', () => answers === 1)
    if (revoked > 0) await eventually('revoked', () => world.issuer.revoked.length === revoked)
    world.clock.advance(life + 1)
    assert.equal((await user.call('/api/x')).status, 200)
    assert.equal(world.issuer.revoked.length, revoked)
  })
