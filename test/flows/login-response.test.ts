import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  assertRefusedLogin,
  codeOf,
  openCallback,
  pendingCallback,
} from '../support/login-steps.ts'
import { spyBackend } from '../support/spy-backend.ts'
import { startWorld } from '../support/world.ts'

/** Changes to the provider's redirect that must cost the login before its code is sent anywhere. */
const forged: Record<string, (url: URL) => void> = {
  'no iss (ISS-2.4-b)': ({ searchParams }) => searchParams.delete('iss'),
  'another iss (ISS-2.4-a)': ({ searchParams }) => searchParams.set('iss', 'https://evil.test'),
  'iss with a slash more (ISS-2.4-a)': ({ searchParams }) =>
    searchParams.set('iss', `${searchParams.get('iss') ?? ''}/`),
  'iss in capitals (ISS-2.4-a)': ({ searchParams }) =>
    searchParams.set('iss', (searchParams.get('iss') ?? '').toUpperCase()),
  'iss encoded twice (ISS-2.4-a)': ({ searchParams }) =>
    searchParams.set('iss', encodeURIComponent(searchParams.get('iss') ?? '')),
  'iss twice (ISS-2.4-a)': ({ searchParams }) =>
    searchParams.append('iss', searchParams.get('iss') ?? ''),
  'code twice': ({ searchParams }) => searchParams.append('code', 'x'),
  'no code': ({ searchParams }) => searchParams.delete('code'),
  'an empty code': ({ searchParams }) => searchParams.set('code', ''),
  'a code and an error': ({ searchParams }) => searchParams.set('error', 'access_denied'),
  'a token beside the code': ({ searchParams }) => searchParams.set('id_token', 'a.b.c'),
  'an error without iss (ISS-2.4-b)': ({ searchParams }) => {
    searchParams.delete('iss')
    searchParams.delete('code')
    searchParams.set('error', 'access_denied')
  },
  'JARM where none was asked': ({ searchParams }) => searchParams.set('response', 'a.b.c'),
}

for (const [name, forge] of Object.entries(forged))
  test(`callback › ${name} › login_failed before any token request, the login is used up`, async (t) => {
    const spy = spyBackend()
    const world = await startWorld(t, { backend: spy.backend })
    const user = world.newBrowser()
    const callback = await pendingCallback(user, '/login?return_to=/orders')
    forge(callback)
    const answer = await openCallback(user, callback)
    assertRefusedLogin(answer, 400, 'login_failed')
    assert.match(answer.text, /href="\/login\?return_to=%2Forders"/)
    assert.equal(world.issuer.tokenRequests.length, 0)
    assert.equal(spy.count('create'), 0)
  })

test('callback › session_state of Session Management, which is not used here (SM-2-a) › the login succeeds', async (t) => {
  const world = await startWorld(t)
  const user = world.newBrowser()
  const callback = await pendingCallback(user)
  callback.searchParams.set('session_state', 'abc.def')
  assert.equal((await openCallback(user, callback)).status, 303)
})

test('callback › no iss where the provider does not promise one › the login succeeds (ISS-2.4-c)', async (t) => {
  const world = await startWorld(t)
  world.issuer.script.alterMetadata = (metadata) => ({
    ...metadata,
    authorization_response_iss_parameter_supported: undefined,
  })
  const user = world.newBrowser()
  const callback = await pendingCallback(user)
  callback.searchParams.delete('iss')
  assert.equal((await openCallback(user, callback)).status, 303)
})

test('callback › error with markup and line breaks in it › escaped, named by its code alone (R30, ISS-2.4-d)', async (t) => {
  const world = await startWorld(t)
  const texts = [
    '<script>alert(1)</script>',
    'a\r\nSet-Cookie: x=1',
    '\u001b[31mred',
    '"><img src=x>',
  ]
  for (const text of texts) {
    const user = world.newBrowser()
    const callback = await pendingCallback(user)
    callback.searchParams.delete('code')
    callback.searchParams.set('error', 'access_denied')
    callback.searchParams.set('error_description', text)
    callback.searchParams.set('error_uri', `https://evil.test/${text}`)
    const answer = await openCallback(user, callback)
    assertRefusedLogin(answer, 400, 'login_failed')
    assert.match(answer.text, /answered: access_denied\./)
    assert.doesNotMatch(answer.text, /<script|alert|Set-Cookie|\u001b|evil\.test|<img/)
    assert.equal(answer.headers['set-cookie'], undefined)
  }
})

test('callback › error that is itself markup › not shown (R30)', async (t) => {
  const world = await startWorld(t)
  for (const error of ['<script>alert(1)</script>', 'x'.repeat(9_000), '__proto__"', '']) {
    const user = world.newBrowser()
    const callback = await pendingCallback(user)
    callback.searchParams.delete('code')
    callback.searchParams.set('error', error)
    const answer = await openCallback(user, callback)
    assertRefusedLogin(answer, 400, 'login_failed')
    assert.doesNotMatch(answer.text, /<script|alert|xxxx|__proto__/)
  }
})

test("callback › the token endpoint's refusal with a script in it › not shown (R30)", async (t) => {
  const world = await startWorld(t)
  const user = world.newBrowser()
  const callback = await pendingCallback(user)
  callback.searchParams.set('code', 'spent')
  const answer = await openCallback(user, callback)
  assertRefusedLogin(answer, 400, 'login_failed')
  assert.match(answer.text, /answered: invalid_grant\./)
  assert.doesNotMatch(answer.text, /<script/)
})

const silent = [
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
]

for (const error of silent)
  test(`login › prompt=none, ${error} › one hop back to return_to, no page, no token request (OIDC-3.1.2.1-a)`, async (t) => {
    const world = await startWorld(t)
    world.issuer.script.alterCallback = (url) => {
      url.searchParams.delete('code')
      url.searchParams.set('error', error)
      return url
    }
    const user = world.newBrowser()
    const answer = await openCallback(
      user,
      await pendingCallback(user, '/login?prompt=none&return_to=/orders'),
    )
    assert.equal(answer.status, 303)
    assert.equal(answer.headers.location, '/orders')
    assert.equal(answer.headers['set-cookie'], undefined)
    assert.equal(world.issuer.tokenRequests.length, 0)
    assert.equal((await user.session())['authenticated'], false)
  })

for (const [wish, error] of [
  ['', 'login_required'],
  ['&prompt=none', 'access_denied'],
  ['&prompt=none', 'server_error'],
] as const)
  test(`login › ${wish === '' ? 'no prompt' : 'prompt=none'}, ${error} › a page that says so`, async (t) => {
    const world = await startWorld(t)
    world.issuer.script.alterCallback = (url) => {
      url.searchParams.delete('code')
      url.searchParams.set('error', error)
      return url
    }
    const user = world.newBrowser()
    const address = `/login?return_to=/orders${wish}`
    const answer = await openCallback(user, await pendingCallback(user, address))
    assert.equal(codeOf(answer), 'login_failed')
  })

test('login › prompt=none with someone at the provider › logged in without a form (OIDC-3.1.2.1-a)', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn('/login?prompt=none')
  assert.equal((await user.session())['authenticated'], true)
})
