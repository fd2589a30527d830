import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeOf, openCallback, pendingCallback } from '../support/login-steps.ts'
import { startWorld } from '../support/world.ts'

const evil = [
  '//evil.test',
  '///evil.test',
  '/\\evil.test',
  '\\/evil.test',
  '\\\\evil.test',
  '/\t/evil.test',
  '/\r\n/evil.test',
  '/.//evil.test',
  '/./\\evil.test',
  '/ok/../..//evil.test',
  '/%2e//evil.test',
  'https://evil.test/',
  'https:evil.test',
  '@evil.test',
  'javascript:alert(1)',
  'data:text/html,x',
  '/a\r\nSet-Cookie: session=x',
  '/a\0b',
  `/${'a'.repeat(10_000)}`,
  'evil.test',
  ' /evil',
  '',
]

const tame = [
  ['/', '/'],
  ['/orders?page=2#top', '/orders?page=2#top'],
  ['/a/../b', '/b'],
  ['/search?q=https://evil.test', '/search?q=https://evil.test'],
  ['/ä', '/%C3%A4'],
] as const

test('login › return_to that leaves the site › 400 invalid_return_to, page with a way back (R5, SBCP-2.1-a)', async (t) => {
  const world = await startWorld(t)
  for (const raw of evil) {
    const answer = await world.newBrowser().visit(`/login?return_to=${encodeURIComponent(raw)}`)
    assert.equal(answer.status, 400, JSON.stringify(raw))
    assert.equal(codeOf(answer), 'invalid_return_to', JSON.stringify(raw))
    assert.equal(answer.headers.location, undefined)
    assert.doesNotMatch(answer.text, /evil\.test/)
  }
})

test('login › the same with a live session › 400, never a redirect to it (R5)', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  for (const raw of evil) {
    const address = `/login?return_to=${encodeURIComponent(raw)}`
    assert.equal((await user.visit(address, 'same-origin')).status, 400, JSON.stringify(raw))
  }
})

for (const [raw, location] of tame)
  test(`callback › return_to ${raw} › 303 ${location} on this origin (R5)`, async (t) => {
    const world = await startWorld(t)
    const user = world.newBrowser()
    const address = `/login?return_to=${encodeURIComponent(raw)}`
    const answer = await openCallback(user, await pendingCallback(user, address))
    assert.equal(answer.status, 303)
    assert.equal(answer.headers.location, location)
    assert.equal(new URL(location, world.origin).origin, world.origin)
  })

test('callback › return_to and target_link_uri in its own query › ignored (R5)', async (t) => {
  const world = await startWorld(t)
  const user = world.newBrowser()
  const callback = await pendingCallback(user, '/login?return_to=/mine')
  callback.searchParams.set('return_to', 'https://evil.test/')
  callback.searchParams.set('target_link_uri', 'https://evil.test/')
  assert.equal((await openCallback(user, callback)).headers.location, '/mine')
})

test('logout › return_to that leaves the site › ignored, the logout happens (R5)', async (t) => {
  const world = await startWorld(t)
  for (const raw of evil.filter((each) => each.length < 9_000)) {
    const user = await world.loggedIn()
    const csrf = (await user.csrf())['x-csrf-token'] ?? ''
    const landed = await user.navigate('/logout', 'same-origin', {
      method: 'POST',
      headers: { origin: world.origin, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ csrf_token: csrf, return_to: raw }).toString(),
    })
    assert.equal(landed.url, `${world.origin}/`, JSON.stringify(raw))
    assert.equal((await user.session())['authenticated'], false)
  }
})

test('logout › without a session, by POST and GET, bad return_to › / (R5)', async (t) => {
  const world = await startWorld(t)
  for (const raw of evil)
    for (const method of ['GET', 'POST']) {
      const address = `/logout?return_to=${encodeURIComponent(raw)}`
      const answer = await world.newBrowser().visit(address, 'same-origin', { method })
      assert.equal(answer.status, 303, JSON.stringify(raw))
      assert.equal(answer.headers.location, '/', JSON.stringify(raw))
    }
})
