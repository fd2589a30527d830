import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { ProfileName } from '../../server/core/profiles.ts'
import type { Browser } from '../support/browser.ts'
import { capturedLog } from '../support/captured-log.ts'
import { gate } from '../support/gate.ts'
import { eventually } from '../support/raw.ts'
import { redisLane, startRedis } from '../support/redis-server.ts'
import { redisStore } from '../support/redis-store.ts'
import type { World, WorldOptions } from '../support/world.ts'
import { startWorld } from '../support/world.ts'

const life = 90
const lane = { ...redisLane(), timeout: 60_000 }

type Setting = {
  readonly profile: ProfileName
  readonly sameSite?: 'strict' | 'lax'
  readonly backend?: WorldOptions['backend']
}

/** A person whose background refresh is at the provider, and held back there. */
const startRefreshing = async (
  t: TestContext,
  { profile, sameSite = 'strict', backend }: Setting,
) => {
  const captured = capturedLog()
  const world = await startWorld(t, {
    log: captured.log,
    ...(backend !== undefined && { backend }),
    config: (config) => ({
      ...config,
      tenant: { ...config.tenant, profile },
      session: { ...config.session, sameSite },
    }),
  })
  world.issuer.script.accessTokenSeconds = life
  const user = await world.loggedIn()
  const go = gate<undefined>()
  const brought: unknown[] = []
  world.issuer.script.interceptToken = async ({ grantType }) => {
    if (grantType === 'refresh_token') await go.promise
    return false
  }
  world.issuer.script.alterTokenAnswer = (answer, grantType) => {
    if (grantType === 'refresh_token') brought.push(answer['refresh_token'])
    return answer
  }
  world.clock.advance(life - 5)
  assert.equal((await user.call('/api/x')).status, 200)
  await eventually('it is sent', () => world.issuer.grants('refresh_token') === 1)
  return { world, user, brought, log: captured.text, comesHome: () => go.resolve(undefined) }
}

const loginAgain = (user: Browser) => user.navigate('/login?prompt=login', 'same-origin')

const goesOn = async ({ clock }: World, user: Browser): Promise<void> => {
  clock.advance(life + 1)
  assert.equal((await user.call('/api/x')).status, 200)
}

for (const sameSite of ['strict', 'lax'] as const)
  test(`refresh › comes home after a step-up, OIDC_PROFILE=keycloak, SESSION_SAMESITE=${sameSite} (R13) › its tokens are left alone: revoked, they would end the new session's grant`, async (t) => {
    const { world, user, brought, log, comesHome } = await startRefreshing(t, {
      profile: 'keycloak',
      sameSite,
    })
    await loginAgain(user)
    comesHome()
    await eventually('its end is told', () => log().includes('not renewed ahead of time'))
    assert.equal(brought.length, 1)
    assert.deepEqual(world.issuer.revoked, [])
    await goesOn(world, user)
  })

test('refresh › the same on Redis › left alone', lane, async (t) => {
  const backend = redisStore(await startRedis(t))
  const { world, user, log, comesHome } = await startRefreshing(t, { profile: 'keycloak', backend })
  await loginAgain(user)
  comesHome()
  await eventually('its end is told', () => log().includes('not renewed ahead of time'))
  assert.deepEqual(world.issuer.revoked, [])
  await goesOn(world, user)
})

const revoking: Readonly<
  Record<string, readonly [ProfileName, (world: World, user: Browser) => Promise<unknown>]>
> = {
  'a step-up, where a token is revoked alone': ['generic', (_world, user) => loginAgain(user)],
  'a login in another session at the provider, OIDC_PROFILE=keycloak': [
    'keycloak',
    (world, user) => {
      world.issuer.script.idTokenClaims = { sid: 'op-session-2' }
      return loginAgain(user)
    },
  ],
  'a login of somebody else, OIDC_PROFILE=keycloak': [
    'keycloak',
    (world, user) => {
      world.issuer.script.subject = 'user-2'
      return loginAgain(user)
    },
  ],
  'a logout, OIDC_PROFILE=keycloak': [
    'keycloak',
    async (_world, user) =>
      await user.call('/logout', { method: 'POST', headers: await user.csrf() }),
  ],
}

for (const [name, [profile, end]] of Object.entries(revoking))
  test(`refresh › comes home after ${name} (R13) › what it brought is revoked`, async (t) => {
    const { world, user, brought, comesHome } = await startRefreshing(t, { profile })
    await end(world, user)
    // Or it would be of another login.
    world.issuer.script.idTokenClaims = {}
    world.issuer.script.subject = 'user-1'
    comesHome()
    await eventually('it is revoked', () => world.issuer.revoked.includes(String(brought[0])))
    assert.equal(brought.length, 1)
  })

test('session › replaced by a step-up › its cookie is told session_revoked', async (t) => {
  const { world, user, comesHome } = await startRefreshing(t, { profile: 'keycloak' })
  const cookie = user.cookieHeader()
  await loginAgain(user)
  comesHome()
  const old = await user.call('/api/x', { headers: { cookie } })
  assert.deepEqual([old.status, old.json()['code']], [401, 'session_revoked'])
  assert.equal((await user.call('/api/x')).status, 200)
  assert.equal(world.issuer.grants('authorization_code'), 2)
})
