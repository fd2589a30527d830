import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { codeOf, openCallback, pendingCallback } from '../support/login-steps.ts'
import { startWorld } from '../support/world.ts'

/** A provider that answers every request with this error. */
const startRefusing = async (t: TestContext, error: string, change = (_url: URL): void => {}) => {
  const world = await startWorld(t)
  const refuse = () => {
    world.issuer.script.alterCallback = (url) => {
      url.searchParams.delete('code')
      url.searchParams.set('error', error)
      change(url)
      return url
    }
  }
  return { ...world, refuse }
}

test('silent login › nobody at the provider, followed to its end › one hop there, one back, and the app itself (OIDC-3.1.2.1-a)', async (t) => {
  const { newBrowser, refuse, issuer, origin } = await startRefusing(t, 'login_required')
  refuse()
  const user = newBrowser()
  const landed = await user.navigate('/login?prompt=none&return_to=/orders%3Fpage%3D2%23top')
  assert.equal(landed.status, 200)
  assert.equal(landed.url, `${origin}/orders?page=2#top`)
  assert.equal(issuer.paths.filter((path) => path === '/authorize').length, 1)
  const { authenticated, login_url: loginUrl } = await user.session()
  assert.deepEqual([authenticated, loginUrl], [false, '/login'])
})

test('silent login › its callback opened twice › the same way both times (OIDC-3.1.2.1-a)', async (t) => {
  const { newBrowser, refuse } = await startRefusing(t, 'login_required')
  refuse()
  const user = newBrowser()
  const callback = await pendingCallback(user, '/login?prompt=none&return_to=/orders')
  for (let times = 0; times < 2; times += 1) {
    const answer = await openCallback(user, callback)
    assert.deepEqual([answer.status, answer.headers.location], [303, '/orders'])
  }
})

const stronger = ['max_age=0', 'acr_values=urn%3Aexample%3Amfa']

for (const wish of stronger)
  test(`silent login › a live session, ${wish} and a provider that would have to ask › back to return_to, the session stays (OIDC-3.1.2.1-a)`, async (t) => {
    const { loggedIn, refuse } = await startRefusing(t, 'interaction_required')
    const user = await loggedIn()
    refuse()
    const address = `/login?prompt=none&return_to=/orders&${wish}`
    const answer = await openCallback(user, await pendingCallback(user, address))
    assert.deepEqual([answer.status, answer.headers.location], [303, '/orders'])
    assert.equal((await user.session())['authenticated'], true)
  })

test('silent login › a live session that a link from another site does not show › back to return_to, the session stays (OIDC-3.1.2.1-a)', async (t) => {
  const { loggedIn, refuse } = await startRefusing(t, 'login_required')
  const user = await loggedIn()
  refuse()
  const landed = await user.navigate('/login?prompt=none&return_to=/orders', 'cross-site')
  assert.equal(new URL(landed.url).pathname, '/orders')
  assert.equal((await user.session())['authenticated'], true)
})

/** An answer nobody asked for is no word of the provider. */
const forged: Readonly<Record<string, (url: URL) => void>> = {
  'no iss': ({ searchParams }) => searchParams.delete('iss'),
  'another iss': ({ searchParams }) => searchParams.set('iss', 'https://evil.test'),
  'the error twice': ({ searchParams }) => searchParams.append('error', 'login_required'),
}

for (const [name, forge] of Object.entries(forged))
  test(`silent login › login_required with ${name} › login_failed, no session (OIDC-3.1.2.1-a, ISS-2.4-a, ISS-2.4-b)`, async (t) => {
    const { newBrowser, refuse } = await startRefusing(t, 'login_required', forge)
    refuse()
    const user = newBrowser()
    const callback = await pendingCallback(user, '/login?prompt=none&return_to=/orders')
    const answer = await openCallback(user, callback)
    assert.equal(codeOf(answer), 'login_failed')
    assert.match(answer.text, /href="\/login\?return_to=%2Forders"/)
  })

test('silent login › in a frame or by fetch › 403: the provider would keep its cookie from it', async (t) => {
  const { newBrowser, issuer } = await startRefusing(t, 'login_required')
  const headers = { 'sec-fetch-dest': 'iframe' }
  const framed = await newBrowser().visit('/login?prompt=none', 'same-origin', { headers })
  assert.equal(codeOf(framed), 'navigation_required')
  assert.equal(codeOf(await newBrowser().call('/login?prompt=none')), 'navigation_required')
  assert.ok(!issuer.paths.includes('/authorize'))
})
