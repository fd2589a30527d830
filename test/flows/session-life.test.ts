import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeOf } from '../support/login-steps.ts'
import type { Browser } from '../support/browser.ts'
import { startWorld } from '../support/world.ts'

const idleOf = async (user: Browser): Promise<number> => {
  const session = (await user.call('/session?slide=false')).json()
  return session['authenticated'] === true ? Number(session['expires_in']) : -1
}

test('/session › asked without slide=false › the idle time starts anew (V7.3.1)', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  world.clock.advance(1_000)
  await user.session()
  const left = await idleOf(user)
  assert.ok(left > 1_790 && left <= 1_800, String(left))
})

test('/session?slide=false › asked › the idle time runs on (V7.3.1)', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  world.clock.advance(1_000)
  for (let times = 0; times < 3; times += 1) {
    const left = await idleOf(user)
    assert.ok(left > 780 && left <= 800, String(left))
  }
  world.clock.advance(801)
  assert.equal(await idleOf(user), -1)
})

test('session › unused for SESSION_IDLE_SECONDS › over: anonymous, API 401 session_expired (V7.3.1, V7.4.1)', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  world.clock.advance(1_801)
  assert.deepEqual(await user.session(), { authenticated: false, login_url: '/login' })
  const answer = await user.call('/api/x')
  assert.equal(answer.status, 401)
  assert.equal(codeOf(answer), 'session_expired')
  assert.equal(answer.json()['login_url'], '/login')
  assert.equal(world.upstream.seen.length, 0)
})

test('session › an API call every now and then › stays alive (V7.3.1)', async (t) => {
  const world = await startWorld(t)
  world.issuer.script.accessTokenSeconds = 86_400
  const user = await world.loggedIn()
  for (let times = 0; times < 5; times += 1) {
    world.clock.advance(1_700)
    assert.equal((await user.call('/api/x')).status, 200)
  }
  assert.equal((await user.session())['authenticated'], true)
})

test('session › used all the time › ends at SESSION_ABSOLUTE_SECONDS all the same (V7.3.2)', async (t) => {
  const world = await startWorld(t)
  world.issuer.script.accessTokenSeconds = 86_400
  const user = await world.loggedIn()
  const steps = Math.floor(43_200 / 1_700)
  for (let step = 0; step < steps; step += 1) {
    world.clock.advance(1_700)
    await user.session()
  }
  const last = await user.session()
  const left = Number(last['absolute_expires_in'])
  assert.ok(left > 690 && left <= 43_200 - steps * 1_700, String(left))
  assert.ok(Number(last['expires_in']) <= left)
  world.clock.advance(left + 1)
  assert.equal((await user.session())['authenticated'], false)
  assert.equal((await user.call('/api/x')).status, 401)
})

test('session › an idle time longer than the absolute life › expires_in is the shorter one (V7.3.2)', async (t) => {
  const world = await startWorld(t, {
    config: (config) => ({
      ...config,
      session: { ...config.session, idleSeconds: 1_000, absoluteSeconds: 600 },
    }),
  })
  const user = await world.loggedIn()
  assert.ok((await idleOf(user)) <= 600)
  world.clock.advance(601)
  assert.equal(await idleOf(user), -1)
})

test('session › a login after its end › a new session, not the old one', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  const before = user.cookies().get('session')?.value
  world.clock.advance(1_801)
  world.issuer.script.idTokenClaims = { iat: Math.floor(world.clock.nowMs() / 1_000) - 5 }
  await user.navigate('/login', 'same-origin')
  assert.notEqual(user.cookies().get('session')?.value, before)
  assert.equal((await user.session())['authenticated'], true)
})
