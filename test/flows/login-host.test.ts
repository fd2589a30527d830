import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authorizationRequest, codeOf, pendingCallback } from '../support/login-steps.ts'
import { send } from '../support/browser.ts'
import { spyBackend } from '../support/spy-backend.ts'
import { startWorld } from '../support/world.ts'

const navigation = {
  accept: 'text/html',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'document',
}
const foreignHosts = (own: string) => [
  'evil.test',
  `${own}@evil.test`,
  `evil.test@${own}`,
  `${own}.evil.test`,
  `${own}:1`,
  '127.0.0.1',
  'localhost',
]

for (const path of ['/login', '/callback', '/logout', '/session'])
  test(`front door › ${path} under a foreign Host › 421 unknown_host, nothing happens (R22)`, async (t) => {
    const spy = spyBackend()
    const world = await startWorld(t, { backend: spy.backend })
    const user = world.newBrowser()
    const { search } = await pendingCallback(user)
    const before = spy.calls.length
    for (const host of foreignHosts(new URL(world.origin).host)) {
      const headers = { ...navigation, host, cookie: user.cookieHeader() }
      const answer = await send(`${world.origin}${path}${search}`, { headers })
      assert.equal(answer.status, 421, host)
      assert.equal(codeOf(answer), 'unknown_host', host)
      assert.equal(answer.headers.location, undefined)
    }
    assert.equal(spy.calls.length, before)
    assert.equal(world.issuer.tokenRequests.length, 0)
  })

const forwarded = {
  'x-forwarded-host': 'evil.test',
  'x-forwarded-proto': 'https',
  'x-forwarded-port': '444',
  'x-forwarded-prefix': '/evil',
  forwarded: 'host=evil.test;proto=https',
  'x-original-url': '/evil',
  'x-rewrite-url': '/evil',
}

test('login › X-Forwarded-Host and its kind › every address still comes from the settings (R22)', async (t) => {
  const world = await startWorld(t)
  const user = world.newBrowser()
  const login = await user.visit('/login?return_to=/orders', 'none', { headers: forwarded })
  const request = new URL(login.headers.location ?? '')
  assert.equal(request.searchParams.get('redirect_uri'), `${world.origin}/callback`)
  const callback = (await send(request.href)).headers.location ?? ''
  const answer = await user.visit(callback, 'cross-site', { headers: forwarded })
  assert.equal(answer.headers.location, '/orders')
  const grant = world.issuer.tokenRequests[0]
  assert.equal(grant?.parameters.get('redirect_uri'), `${world.origin}/callback`)
  const headers = { ...forwarded, ...(await user.csrf()), accept: 'text/html' }
  const logout = await user.call('/logout', { method: 'POST', headers })
  const end = new URL(logout.headers.location ?? '')
  assert.equal(end.searchParams.get('post_logout_redirect_uri'), `${world.origin}/logout/callback`)
})

test('login › Host in capitals › is the same host', async (t) => {
  const world = await startWorld(t)
  const host = new URL(world.origin).host.toUpperCase()
  const answer = await send(`${world.origin}/login`, { headers: { ...navigation, host } })
  assert.equal(answer.status, 303)
})

test('callback › its own address › the token request has the redirect_uri of the authorization request', async (t) => {
  const world = await startWorld(t)
  const user = world.newBrowser()
  const request = await authorizationRequest(user)
  const callback = (await send(request.href)).headers.location ?? ''
  await user.visit(`${callback}&extra=1`, 'cross-site')
  assert.equal(
    world.issuer.tokenRequests[0]?.parameters.get('redirect_uri'),
    request.searchParams.get('redirect_uri'),
  )
})
