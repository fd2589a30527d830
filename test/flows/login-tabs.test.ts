import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeOf, openCallback, pendingCallback } from '../support/login-steps.ts'
import { send } from '../support/browser.ts'
import { spyBackend } from '../support/spy-backend.ts'
import { startWorld } from '../support/world.ts'

const tabs = async (user: Parameters<typeof pendingCallback>[0], count: number) => {
  const callbacks: URL[] = []
  for (let n = 0; n < count; n += 1)
    callbacks.push(await pendingCallback(user, `/login?return_to=/tab/${n}`))
  return callbacks
}

const freshStart = (text: string): string =>
  /url=([^"]+)"/.exec(text)?.[1]?.replaceAll('&amp;', '&') ?? ''

test('login › ten tabs, finished in reverse order › each gets to its own page (R10)', async (t) => {
  const world = await startWorld(t)
  const user = world.newBrowser()
  const callbacks = await tabs(user, 10)
  for (const [n, callback] of [...callbacks.entries()].reverse())
    assert.equal((await openCallback(user, callback)).headers.location, `/tab/${n}`)
  assert.equal((await user.session())['authenticated'], true)
})

test('login › 25 tabs › one short cookie; the five oldest begin again and are not stuck (R10, CK-size)', async (t) => {
  const world = await startWorld(t)
  const user = world.newBrowser()
  const callbacks = await tabs(user, 25)
  assert.deepEqual([...user.cookies().keys()], ['login'])
  assert.ok(user.cookieHeader().length < 100)
  for (const callback of callbacks.slice(5))
    assert.equal((await openCallback(user, callback)).status, 303)
  for (const callback of callbacks.slice(0, 5)) {
    const answer = await openCallback(user, callback)
    assert.equal(answer.status, 200)
    const next = freshStart(answer.text)
    assert.equal((await user.navigate(next, 'same-origin')).url, `${world.origin}/`)
  }
  assert.equal(world.issuer.grants('authorization_code'), 20)
})

test('login › left alone for more than an hour › begins again by itself (R10)', async (t) => {
  const world = await startWorld(t)
  const user = world.newBrowser()
  const callback = await pendingCallback(user)
  world.clock.advance(3_601)
  const answer = await openCallback(user, callback)
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['cache-control'], 'no-store')
  assert.equal(world.issuer.tokenRequests.length, 0)
})

test('callback › a browser that keeps no cookies › one fresh start, then login_cookie_missing (CK-evict)', async (t) => {
  const world = await startWorld(t)
  const first = await openCallback(
    world.newBrowser(),
    await pendingCallback(world.newBrowser(), '/login?return_to=/orders'),
  )
  assert.equal(first.status, 200)
  const next = freshStart(first.text)
  assert.match(next, /^\/login\?return_to=/)
  assert.match(first.text, /<a class="button" href="\/login\?return_to=/)
  const second = await openCallback(
    world.newBrowser(),
    await pendingCallback(world.newBrowser(), next),
  )
  assert.equal(second.status, 400)
  assert.equal(codeOf(second), 'login_cookie_missing')
  assert.match(second.text, /<a class="button" href="\/login">/)
  assert.doesNotMatch(second.text, /http-equiv="refresh"/)
})

for (const [name, bent] of [
  ['drops the state', (callback: URL) => callback.searchParams.delete('state')],
  ['gives back another state', (callback: URL) => callback.searchParams.set('state', 'another')],
] as const)
  test(`callback › the browser keeps cookies, the provider ${name} › one fresh start, then an error page, no end of rounds`, async (t) => {
    const world = await startWorld(t)
    const user = world.newBrowser()
    const round = async (path: string) => {
      const callback = await pendingCallback(user, path)
      bent(callback)
      return await openCallback(user, callback)
    }
    const first = await round('/login?return_to=/orders')
    assert.equal(first.status, 200)
    const second = await round(freshStart(first.text))
    assert.equal(second.status, 400)
    assert.equal(codeOf(second), 'login_cookie_missing')
    assert.match(second.text, /<a class="button" href="\/login">/)
    assert.equal((await openCallback(user, await pendingCallback(user))).status, 303)
    assert.equal((await round('/login?prompt=login')).status, 200, 'the next stale one is a first')
  })

test('login › the back button after it › the same page, still logged in, no loop', async (t) => {
  const world = await startWorld(t)
  const user = world.newBrowser()
  const callback = await pendingCallback(user, '/login?return_to=/orders')
  await openCallback(user, callback)
  assert.equal((await openCallback(user, callback)).headers.location, '/orders')
  const login = await user.visit('/login?return_to=/orders', 'same-origin')
  assert.equal(login.headers.location, '/orders')
  assert.equal((await user.session())['authenticated'], true)
})

const embedded = {
  iframe: { 'sec-fetch-dest': 'iframe' },
  frame: { 'sec-fetch-dest': 'frame' },
  image: { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
  script: { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'script' },
  fetch: { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
  prefetch: { 'sec-purpose': 'prefetch' },
}

test('callback › in a frame, an image, fetch, a prefetch or HEAD › 403, the login is still there (FM-5, BBA-5.1.3-a)', async (t) => {
  const spy = spyBackend()
  const world = await startWorld(t, { backend: spy.backend })
  const user = world.newBrowser()
  const callback = await pendingCallback(user)
  for (const [name, headers] of Object.entries(embedded)) {
    const answer = await user.visit(callback.href, 'cross-site', { headers })
    assert.equal(answer.status, 403, name)
    assert.equal(codeOf(answer), 'navigation_required', name)
    assert.match(String(answer.headers['content-security-policy']), /frame-ancestors 'none'/)
  }
  const head = await send(callback.href, {
    method: 'HEAD',
    headers: { cookie: user.cookieHeader() },
  })
  assert.equal(head.status, 403, 'HEAD')
  assert.equal(spy.count('takeLogin'), 0)
  assert.equal(world.issuer.tokenRequests.length, 0)
  assert.equal((await openCallback(user, callback)).status, 303)
})

for (const site of ['cross-site', 'same-site', 'same-origin', 'none'] as const)
  test(`callback › a navigation with Sec-Fetch-Site ${site} › finishes the login (FM-4)`, async (t) => {
    const world = await startWorld(t)
    const user = world.newBrowser()
    const { href } = await pendingCallback(user)
    const answer = await user.visit(href, 'cross-site', { headers: { 'sec-fetch-site': site } })
    assert.equal(answer.status, 303)
    assert.equal((await user.session())['authenticated'], true)
  })

test('callback › its answer › a bare redirect without referrer, nothing to store (SBCP-4.2-a)', async (t) => {
  const world = await startWorld(t)
  const user = world.newBrowser()
  const answer = await openCallback(user, await pendingCallback(user))
  assert.equal(answer.text, '')
  assert.equal(answer.headers['referrer-policy'], 'no-referrer')
  assert.equal(answer.headers['cache-control'], 'no-store')
})
