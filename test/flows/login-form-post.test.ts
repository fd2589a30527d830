import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Browser } from '../support/browser.ts'
import { codeOf, pendingCallback } from '../support/login-steps.ts'
import { startWorld } from '../support/world.ts'

const startPosted = (t: TestContext, secure = true) =>
  startWorld(t, {
    config: (config) => ({
      ...config,
      secure,
      tenant: { ...config.tenant, responseMode: 'form_post' },
    }),
  })

/** The provider's page posts the answer by itself. */
const post = (
  user: Browser,
  body: string,
  headers: Readonly<Record<string, string>> = {},
  address = '/callback',
) =>
  user.visit(address, 'cross-site', {
    method: 'POST',
    body,
    headers: {
      origin: 'https://id.test',
      'content-type': 'application/x-www-form-urlencoded',
      ...headers,
    },
  })

const fieldsOf = (callback: URL): string => callback.search.slice(1)

test('form_post › the authorization request › asks for it', async (t) => {
  const { newBrowser } = await startPosted(t)
  const answer = await newBrowser().visit('/login')
  const sent = new URL(answer.headers.location ?? '').searchParams
  assert.equal(sent.get('response_mode'), 'form_post')
})

for (const secure of [true, false])
  test(`form_post › BASE_URL is ${secure ? 'https' : 'http on localhost'} › the login cookie is None and Secure, and goes with the provider's POST`, async (t) => {
    const { newBrowser } = await startPosted(t, secure)
    const user = newBrowser()
    const callback = await pendingCallback(user, '/login?return_to=/orders')
    const cookie = user.cookies().get(secure ? '__Host-Http-login' : 'login')
    assert.match(cookie?.line ?? '', /; SameSite=None; HttpOnly; Secure$/)
    const answer = await post(user, fieldsOf(callback))
    assert.deepEqual([answer.status, answer.headers.location], [303, '/orders'])
    assert.equal((await user.session())['authenticated'], true)
  })

test('form_post › Origin null, as a page without a referrer has it › taken: state and cookie decide', async (t) => {
  const { newBrowser } = await startPosted(t)
  const user = newBrowser()
  const callback = await pendingCallback(user)
  assert.equal((await post(user, fieldsOf(callback), { origin: 'null' })).status, 303)
})

test('form_post › a body that is no form › 400 that says so, and the login is still there', async (t) => {
  const { newBrowser } = await startPosted(t)
  const user = newBrowser()
  const callback = await pendingCallback(user)
  for (const type of ['application/json', 'text/plain', 'multipart/form-data; boundary=x']) {
    const answer = await post(user, fieldsOf(callback), { 'content-type': type })
    assert.equal(answer.status, 400, type)
    assert.equal(codeOf(answer), 'invalid_request')
    assert.match(answer.text, /application\/x-www-form-urlencoded/)
  }
  assert.equal((await post(user, fieldsOf(callback))).status, 303)
})

test('form_post › more than 64 KiB › 413, and the login is still there', async (t) => {
  const { newBrowser } = await startPosted(t)
  const user = newBrowser()
  const callback = await pendingCallback(user)
  assert.equal((await post(user, `${fieldsOf(callback)}&x=${'y'.repeat(66_000)}`)).status, 413)
  assert.equal((await post(user, fieldsOf(callback))).status, 303)
})

test('form_post › code twice, or another iss › login_failed before any token request', async (t) => {
  const { newBrowser, issuer } = await startPosted(t)
  for (const change of ['&code=x', '&iss=https%3A%2F%2Fevil.test']) {
    const user = newBrowser()
    const answer = await post(user, `${fieldsOf(await pendingCallback(user))}${change}`)
    assert.equal(answer.status, 400)
    assert.equal(codeOf(answer), 'login_failed')
  }
  assert.equal(issuer.tokenRequests.length, 0)
})

test('form_post › parameters in the address beside the form › the form alone counts', async (t) => {
  const { newBrowser } = await startPosted(t)
  const user = newBrowser()
  const callback = await pendingCallback(user, '/login?return_to=/orders')
  const address = '/callback?state=evil&code=evil&error=access_denied'
  const answer = await post(user, fieldsOf(callback), {}, address)
  assert.deepEqual([answer.status, answer.headers.location], [303, '/orders'])
})

test("form_post › another browser's state › nothing is consumed, a fresh start", async (t) => {
  const { newBrowser, issuer } = await startPosted(t)
  const user = newBrowser()
  const callback = await pendingCallback(user)
  const stranger = newBrowser()
  await pendingCallback(stranger)
  const answer = await post(stranger, fieldsOf(callback))
  assert.equal(answer.status, 200)
  assert.match(answer.text, /http-equiv="refresh"/)
  assert.equal(issuer.tokenRequests.length, 0)
  assert.equal((await post(user, fieldsOf(callback))).status, 303)
})

test('form_post › in a frame › 403, and the login is still there', async (t) => {
  const { newBrowser } = await startPosted(t)
  const user = newBrowser()
  const callback = await pendingCallback(user)
  const framed = await post(user, fieldsOf(callback), { 'sec-fetch-dest': 'iframe' })
  assert.equal(codeOf(framed), 'navigation_required')
  assert.equal((await post(user, fieldsOf(callback))).status, 303)
})

test('form_post › prompt=none and nobody at the provider › back to return_to (OIDC-3.1.2.1-a)', async (t) => {
  const { newBrowser, issuer } = await startPosted(t)
  issuer.script.alterCallback = (url) => {
    url.searchParams.delete('code')
    url.searchParams.set('error', 'login_required')
    return url
  }
  const user = newBrowser()
  const callback = await pendingCallback(user, '/login?prompt=none&return_to=/orders')
  const answer = await post(user, fieldsOf(callback))
  assert.deepEqual([answer.status, answer.headers.location], [303, '/orders'])
})
