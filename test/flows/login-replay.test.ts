import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  assertRefusedLogin,
  openCallback,
  pendingCallback,
  setCookieOf,
} from '../support/login-steps.ts'
import { spyBackend } from '../support/spy-backend.ts'
import { startWorld } from '../support/world.ts'

const movesOn =
  /<meta http-equiv="refresh" content="0; url=\/login\?return_to=%2F(?:&amp;retry=1)?">/

test('callback › opened again and again › one token request, the same return_to, the session stands (R6)', async (t) => {
  const world = await startWorld(t)
  const user = world.newBrowser()
  const callback = await pendingCallback(user, '/login?return_to=/orders')
  await openCallback(user, callback)
  const cookie = user.cookies().get('session')?.value
  for (let times = 0; times < 3; times += 1) {
    const again = await openCallback(user, callback)
    assert.equal(again.status, 303)
    assert.equal(again.headers.location, '/orders')
    assert.equal(again.headers['set-cookie'], undefined)
  }
  assert.equal(world.issuer.grants('authorization_code'), 1)
  assert.equal(user.cookies().get('session')?.value, cookie)
  assert.equal((await user.session())['authenticated'], true)
})

test('callback › 20 at once › one token request, one session, all go to return_to (R6)', async (t) => {
  const world = await startWorld(t)
  world.issuer.script.delayMs = 100
  const user = world.newBrowser()
  const callback = await pendingCallback(user, '/login?return_to=/orders')
  const answers = await Promise.all(Array.from({ length: 20 }, () => openCallback(user, callback)))
  assert.deepEqual([...new Set(answers.map(({ headers }) => headers.location))], ['/orders'])
  const opened = answers.filter((answer) => setCookieOf(answer, 'session') !== undefined)
  assert.equal(opened.length, 1)
  assert.equal(world.issuer.grants('authorization_code'), 1)
  assert.equal((await user.session())['authenticated'], true)
})

test('callback › ten minutes and more after it was used › the stale page, no token request (R6)', async (t) => {
  const world = await startWorld(t)
  const user = world.newBrowser()
  const callback = await pendingCallback(user)
  await openCallback(user, callback)
  world.clock.advance(590)
  assert.equal((await openCallback(user, callback)).status, 303)
  world.clock.advance(20)
  const late = await openCallback(user, callback)
  assert.equal(late.status, 200)
  assert.match(late.text, movesOn)
  assert.equal(world.issuer.grants('authorization_code'), 1)
})

test("callback › an attacker's, in a browser without a login › moves on, no token request, no session (R7, SBCP-2.1.1-b)", async (t) => {
  const world = await startWorld(t)
  const [attacker, victim] = [world.newBrowser(), world.newBrowser()]
  const forged = await pendingCallback(attacker)
  const answer = await openCallback(victim, forged)
  assert.equal(answer.status, 200)
  assert.match(answer.text, movesOn)
  assert.equal(answer.headers['set-cookie'], undefined)
  assert.equal(world.issuer.grants('authorization_code'), 0)
  assert.equal((await victim.session())['authenticated'], false)
})

test("callback › an attacker's, while the victim logs in › consumes nothing of either (R7, SBCP-2.1-b)", async (t) => {
  const world = await startWorld(t)
  const [attacker, victim] = [world.newBrowser(), world.newBrowser()]
  const own = await pendingCallback(victim, '/login?return_to=/mine')
  const forged = await pendingCallback(attacker, '/login?return_to=/theirs')
  assert.equal((await openCallback(victim, forged)).status, 200)
  assert.equal((await openCallback(victim, own)).headers.location, '/mine')
  assert.equal((await openCallback(attacker, forged)).headers.location, '/theirs')
  assert.equal(world.issuer.grants('authorization_code'), 2)
})

test("callback › an attacker's, over a live session › the session stays (R7)", async (t) => {
  const world = await startWorld(t)
  const victim = await world.loggedIn()
  const before = victim.cookies().get('session')?.value
  await openCallback(victim, await pendingCallback(world.newBrowser()))
  assert.equal(victim.cookies().get('session')?.value, before)
  assert.equal((await victim.session())['authenticated'], true)
})

const foreignStates = ['', 'x', '__proto__', '%00', 'a'.repeat(8_000), '{login}', '../*']

test('callback › state that nobody made, or two of them › the stale page, the own login completes (R7)', async (t) => {
  const spy = spyBackend()
  const world = await startWorld(t, { backend: spy.backend })
  const user = world.newBrowser()
  const own = await pendingCallback(user)
  for (const state of foreignStates) {
    const answer = await user.visit(`/callback?code=x&state=${state}`, 'cross-site')
    assert.equal(answer.status, 200, state)
  }
  assert.equal((await user.visit('/callback?code=x', 'cross-site')).status, 200)
  const twice = new URL(own)
  twice.searchParams.append('state', 'x')
  assert.equal((await openCallback(user, twice)).status, 200)
  assert.equal(world.issuer.tokenRequests.length, 0)
  for (const text of spy.keyTexts()) assert.match(text, /^[A-Za-z0-9_-]{43}$/)
  assert.equal((await openCallback(user, own)).status, 303)
})

test("callback › a stolen code in the attacker's own login › refused, nothing created (R8, SBCP-4.5-a)", async (t) => {
  const spy = spyBackend()
  const world = await startWorld(t, { backend: spy.backend })
  const stolen = await pendingCallback(world.newBrowser())
  const attacker = world.newBrowser()
  const injected = await pendingCallback(attacker)
  injected.searchParams.set('code', stolen.searchParams.get('code') ?? '')
  assertRefusedLogin(await openCallback(attacker, injected), 400, 'login_failed')
  assert.equal(spy.count('create'), 0)
  assert.equal((await attacker.session())['authenticated'], false)
})

test('callback › a stolen code where the provider ignores PKCE › the nonce refuses it (R8)', async (t) => {
  const spy = spyBackend()
  const world = await startWorld(t, { backend: spy.backend })
  world.issuer.script.idTokenClaims = { nonce: 'of-the-victim' }
  const attacker = world.newBrowser()
  const answer = await openCallback(attacker, await pendingCallback(attacker))
  assertRefusedLogin(answer, 400, 'login_failed')
  assert.equal(spy.count('create'), 0)
})
