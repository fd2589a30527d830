import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeOf, openCallback, pendingCallback } from '../support/login-steps.ts'
import type { Browser } from '../support/browser.ts'
import { send } from '../support/browser.ts'
import type { World } from '../support/world.ts'
import { startWorld } from '../support/world.ts'

const sessionOf = (user: Browser): string => user.cookies().get('session')?.value ?? ''

/** What a thief gets who sends this session cookie to the API. */
const apiWith = async ({ origin }: World, cookie: string) => {
  const headers = { cookie: `session=${cookie}`, 'sec-fetch-site': 'same-origin' }
  const answer = await send(`${origin}/api/x`, { headers })
  return answer.status === 200 ? 200 : `${answer.status} ${String(codeOf(answer))}`
}

test('login › a planted session cookie of a live session › the id changes, the planted one is dead (R11, V7.2.4)', async (t) => {
  const world = await startWorld(t)
  const planted = sessionOf(await world.loggedIn())
  const victim = world.newBrowser()
  victim.setCookie('session', planted)
  world.issuer.script.subject = 'victim'
  const callback = await pendingCallback(victim, '/login?prompt=login')
  await openCallback(victim, callback)
  assert.notEqual(sessionOf(victim), planted)
  assert.deepEqual((await victim.session())['user'], {
    sub: 'victim',
    name: 'Ada Example',
    email: 'ada@example.test',
  })
  assert.equal(await apiWith(world, planted), '401 session_revoked')
})

test('login › a planted cookie of an ended session › a new id, the old one stays dead (R11)', async (t) => {
  const world = await startWorld(t)
  const attacker = await world.loggedIn()
  const planted = sessionOf(attacker)
  await attacker.call('/logout', { method: 'POST', headers: await attacker.csrf() })
  const victim = world.newBrowser()
  victim.setCookie('session', planted)
  await victim.navigate('/login')
  assert.notEqual(sessionOf(victim), planted)
  assert.equal((await victim.session())['authenticated'], true)
  assert.equal(await apiWith(world, planted), '401 session_revoked')
})

test('login › a planted login cookie › its maker gains no session by it (R11)', async (t) => {
  const world = await startWorld(t)
  const attacker = world.newBrowser()
  const own = await pendingCallback(attacker)
  const planted = attacker.cookies().get('login')?.value ?? ''
  const victim = world.newBrowser()
  victim.setCookie('login', planted)
  const callback = await pendingCallback(victim)
  assert.equal((await openCallback(victim, callback)).status, 303)
  const replayed = await openCallback(attacker, callback)
  assert.equal(replayed.headers['set-cookie'], undefined)
  assert.equal((await attacker.session())['authenticated'], false)
  assert.notEqual(own.searchParams.get('state'), callback.searchParams.get('state'))
  assert.equal(await apiWith(world, sessionOf(victim)), 200)
})

for (const wish of ['acr_values=urn%3Aexample%3Amfa', 'max_age=0', 'prompt=login'])
  test(`login › step-up by ${wish} › the id rotates, the old one is dead (R11, V7.2.4, V7.5.3)`, async (t) => {
    const world = await startWorld(t)
    const user = await world.loggedIn()
    const before = sessionOf(user)
    const csrfBefore = await user.csrf()
    world.issuer.script.idTokenClaims = {
      acr: 'urn:example:mfa',
      auth_time: Math.floor(Date.now() / 1_000),
    }
    await user.navigate(`/login?${wish}`, 'same-origin')
    assert.notEqual(sessionOf(user), before)
    assert.equal((await user.session())['acr'], 'urn:example:mfa')
    assert.equal(await apiWith(world, before), '401 session_revoked')
    assert.notDeepEqual(await user.csrf(), csrfBefore)
  })

test('login › step-up that the person gives up › the session at hand stays (R29)', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  world.issuer.script.alterCallback = (url) => {
    url.searchParams.delete('code')
    url.searchParams.set('error', 'access_denied')
    return url
  }
  const answer = await user.navigate('/login?acr_values=urn%3Aexample%3Amfa', 'same-origin')
  assert.equal(codeOf(answer), 'login_failed')
  assert.equal((await user.session())['authenticated'], true)
  assert.equal(await apiWith(world, sessionOf(user)), 200)
})

test('login › step-up answered with a lower acr › the session says the lower one (OIDC-3.1.3.7-12, R29)', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  world.issuer.script.idTokenClaims = { acr: '1' }
  await user.navigate('/login?acr_values=urn%3Aexample%3Amfa', 'same-origin')
  assert.equal((await user.session())['acr'], '1')
})

for (const [name, authTime] of [
  ['missing', undefined],
  ['too old', Math.floor(Date.now() / 1_000) - 3_600],
] as const)
  test(`login › max_age=60 with an auth_time that is ${name} › refused (OIDC-3.1.3.7-13)`, async (t) => {
    const world = await startWorld(t)
    const user = world.newBrowser()
    world.issuer.script.idTokenClaims = { auth_time: authTime }
    const answer = await openCallback(user, await pendingCallback(user, '/login?max_age=60'))
    assert.equal(codeOf(answer), 'login_failed')
    assert.equal((await user.session())['authenticated'], false)
  })
