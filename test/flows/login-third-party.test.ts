import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Answer, Browser } from '../support/browser.ts'
import { codeOf } from '../support/login-steps.ts'
import { spyBackend } from '../support/spy-backend.ts'
import { startWorld } from '../support/world.ts'

type Fields = Readonly<Record<string, string>>

const portal = { origin: 'https://portal.test' }
const asForm = { 'content-type': 'application/x-www-form-urlencoded' }

/** How a third party's page starts a login: by a link, or by a form. */
const ways: Readonly<
  Record<string, (user: Browser, fields: Fields, headers?: Fields) => Promise<Answer>>
> = {
  GET: (user, fields, headers = {}) =>
    user.visit(`/login?${new URLSearchParams(fields).toString()}`, 'cross-site', { headers }),
  POST: (user, fields, headers = {}) =>
    user.visit('/login', 'cross-site', {
      method: 'POST',
      body: new URLSearchParams(fields).toString(),
      headers: { ...portal, ...asForm, ...headers },
    }),
}

for (const [method, start] of Object.entries(ways)) {
  test(`third-party login › ${method} with another iss or a foreign target › 400, nothing stored, no cookie (OIDC-4-a)`, async (t) => {
    const spy = spyBackend()
    const { issuer, newBrowser } = await startWorld(t, { backend: spy.backend })
    const refused: readonly (readonly [Fields, string])[] = [
      [{ iss: 'https://evil.test' }, 'invalid_parameter'],
      [{ iss: '' }, 'invalid_parameter'],
      [{ iss: `${issuer.issuer}/` }, 'invalid_parameter'],
      [{ iss: issuer.issuer, target_link_uri: 'https://evil.test/' }, 'invalid_return_to'],
      [{ iss: issuer.issuer, target_link_uri: '//evil.test' }, 'invalid_return_to'],
      [{ iss: issuer.issuer, target_link_uri: 'javascript:alert(1)' }, 'invalid_return_to'],
    ]
    for (const [fields, code] of refused) {
      const answer = await start(newBrowser(), fields)
      assert.equal(answer.status, 400, JSON.stringify(fields))
      assert.equal(codeOf(answer), code)
      assert.equal(answer.headers['set-cookie'], undefined)
      assert.doesNotMatch(answer.text, /evil\.test/)
    }
    assert.equal(spy.count('putLogin'), 0)
  })

  test(`third-party login › ${method} in a frame › 403, and no page may frame the refusal (OIDC-4-b)`, async (t) => {
    const { issuer, newBrowser } = await startWorld(t)
    for (const destination of ['iframe', 'frame', 'embed', 'object', 'fencedframe']) {
      const headers = { 'sec-fetch-dest': destination }
      const answer = await start(newBrowser(), { iss: issuer.issuer }, headers)
      assert.equal(answer.status, 403, destination)
      assert.equal(codeOf(answer), 'navigation_required')
      assert.equal(answer.headers['x-frame-options'], 'DENY')
      assert.match(String(answer.headers['content-security-policy']), /frame-ancestors 'none'/)
    }
  })

  test(`third-party login › ${method} › login_hint goes along, unknown parameters do not (OIDC-4-a)`, async (t) => {
    const { issuer, newBrowser } = await startWorld(t)
    const fields = { iss: issuer.issuer, login_hint: 'ada', lti_message_hint: 'x', client_id: 'y' }
    const answer = await start(newBrowser(), fields)
    assert.equal(answer.status, 303)
    const sent = new URL(answer.headers.location ?? '').searchParams
    assert.equal(sent.get('login_hint'), 'ada')
    assert.equal(sent.has('lti_message_hint'), false)
    assert.deepEqual(sent.getAll('client_id'), ['scripted-client'])
    assert.equal(answer.headers['x-frame-options'], 'DENY')
  })
}

test('third-party login › POST that is no form › 400 that says what to send (OIDC-4-a)', async (t) => {
  const { issuer, newBrowser } = await startWorld(t)
  for (const type of ['application/json', 'multipart/form-data; boundary=x', 'text/plain']) {
    const answer = await newBrowser().visit('/login', 'cross-site', {
      method: 'POST',
      body: JSON.stringify({ iss: issuer.issuer }),
      headers: { ...portal, 'content-type': type },
    })
    assert.equal(answer.status, 400, type)
    assert.equal(codeOf(answer), 'invalid_request')
    assert.match(answer.text, /application\/x-www-form-urlencoded/)
  }
})

test('third-party login › POST of more than 64 KiB › 413', async (t) => {
  const { issuer, newBrowser } = await startWorld(t)
  const answer = await ways['POST']?.(newBrowser(), {
    iss: issuer.issuer,
    login_hint: 'x'.repeat(66_000),
  })
  assert.equal(answer?.status, 413)
})

test('third-party login › POST by fetch › 403', async (t) => {
  const { issuer, newBrowser } = await startWorld(t)
  const headers = { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'empty' }
  const answer = await ways['POST']?.(newBrowser(), { iss: issuer.issuer }, headers)
  assert.equal(answer?.status, 403)
})
