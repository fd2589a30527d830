import assert from 'node:assert/strict'
import { test } from 'node:test'
import { send } from '../support/browser.ts'
import { startWorld } from '../support/world.ts'

const own = (provider: string, more = '') =>
  [
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    `form-action 'self' ${provider}`,
    ...(more === '' ? [] : [more]),
  ].join(';')

test('app headers › plain http (C12, C13) › the exact policy with forms to the provider, the origin as referrer, no HSTS', async (t) => {
  const { origin, issuer, newBrowser } = await startWorld(t)
  for (const answer of [await newBrowser().visit('/'), await send(`${origin}/app.js`)]) {
    const { headers } = answer
    assert.equal(answer.status, 200)
    assert.equal(headers['content-security-policy'], own(issuer.issuer))
    assert.equal(headers['x-content-type-options'], 'nosniff')
    assert.equal(headers['x-frame-options'], 'DENY')
    assert.equal(headers['referrer-policy'], 'strict-origin-when-cross-origin')
    assert.equal(headers['cross-origin-opener-policy'], 'same-origin')
    assert.equal(headers['strict-transport-security'], undefined)
    assert.equal(headers['x-powered-by'], undefined)
    assert.equal(headers['set-cookie'], undefined)
  }
})

test('app headers › https by BASE_URL › HSTS with subdomains, and upgrade-insecure-requests', async (t) => {
  const { origin, issuer } = await startWorld(t, {
    config: (config) => ({ ...config, secure: true, origin: 'https://app.example' }),
  })
  const headers = { host: 'app.example', accept: 'text/html' }
  const answer = await send(`${origin}/orders`, { headers })
  assert.equal(answer.status, 200)
  const policy = own(issuer.issuer, 'upgrade-insecure-requests')
  assert.equal(answer.headers['content-security-policy'], policy)
  const hsts = answer.headers['strict-transport-security'] ?? ''
  assert.match(hsts, /^max-age=63072000; ?includeSubDomains$/i)
})

test('app headers › CSP set › the whole policy as it stands, on the app alone', async (t) => {
  const csp = "default-src 'self' https://cdn.example; frame-ancestors 'none'"
  const { newBrowser } = await startWorld(t, { config: (config) => ({ ...config, csp }) })
  const user = newBrowser()
  assert.equal((await user.visit('/')).headers['content-security-policy'], csp)
  assert.notEqual((await user.call('/session')).headers['content-security-policy'], csp)
})

test('app headers › the document after a login, and its reload (C2, FM-4) › needs no session and sets no cookie; what it fetches has the session', async (t) => {
  const { newBrowser } = await startWorld(t)
  const user = newBrowser()
  const landed = await user.navigate('/login?return_to=/orders')
  assert.deepEqual([landed.status, landed.headers['set-cookie']], [200, undefined])
  const again = await user.visit('/orders', 'cross-site')
  assert.deepEqual([again.status, again.text], [200, landed.text])
  assert.doesNotMatch(user.cookieHeader('cross-site'), /session/)
  assert.equal((await user.session())['authenticated'], true)
})
