import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authorizationRequest, codeOf } from '../support/login-steps.ts'
import { spyBackend } from '../support/spy-backend.ts'
import { startWorld } from '../support/world.ts'

test('login › authorization request › code flow, S256 PKCE, state, nonce, openid, nothing else (BBA-6.1.3.1-b, SBCP-2.1.1-a, FAPI-5.3.3.2-c, BBA-6.1.2.4-a)', async (t) => {
  const world = await startWorld(t)
  const request = await authorizationRequest(world.newBrowser())
  assert.equal(`${request.origin}${request.pathname}`, `${world.issuer.issuer}/authorize`)
  const sent = Object.fromEntries(request.searchParams)
  const { state = '', nonce = '', code_challenge: challenge = '', ...rest } = sent
  assert.deepEqual(rest, {
    client_id: world.config.tenant.clientId,
    response_type: 'code',
    redirect_uri: `${world.origin}/callback`,
    scope: 'openid profile email',
    code_challenge_method: 'S256',
  })
  assert.match(challenge, /^[A-Za-z0-9_-]{43}$/)
  for (const secret of [state, nonce]) assert.match(secret, /^[A-Za-z0-9_-]{22,64}$/)
})

test('login › 200 logins › state, nonce and challenge never come twice (SBCP-2.1.1-a)', async (t) => {
  const world = await startWorld(t)
  const seen = new Set<string>()
  for (let n = 0; n < 200; n += 1) {
    const { searchParams } = await authorizationRequest(world.newBrowser())
    for (const name of ['state', 'nonce', 'code_challenge']) seen.add(searchParams.get(name) ?? '')
  }
  assert.equal(seen.size, 600)
})

const passed = [
  ['prompt=login', 'prompt', 'login'],
  ['prompt=login%20consent', 'prompt', 'login consent'],
  ['prompt=none', 'prompt', 'none'],
  ['acr_values=urn%3Aexample%3Amfa', 'acr_values', 'urn:example:mfa'],
  ['max_age=0', 'max_age', '0'],
  ['max_age=900', 'max_age', '900'],
  ['login_hint=a%2Bb%40example.test', 'login_hint', 'a+b@example.test'],
  ['ui_locales=de%20en', 'ui_locales', 'de en'],
  ['tenant=default', 'scope', 'openid profile email'],
  ['scope=admin', 'scope', 'openid profile email'],
  ['response_type=token', 'response_type', 'code'],
  ['code_challenge_method=plain', 'code_challenge_method', 'S256'],
  ['client_id=evil', 'client_id', 'scripted-client'],
] as const

for (const [query, name, value] of passed)
  test(`login › /login?${query} › the provider gets ${name}=${value} (OIDC-4-a)`, async (t) => {
    const world = await startWorld(t)
    const { searchParams } = await authorizationRequest(world.newBrowser(), `/login?${query}`)
    assert.deepEqual(searchParams.getAll(name), [value])
  })

test('login › redirect_uri in the query › the one of the settings is sent (OIDC-4-a)', async (t) => {
  const world = await startWorld(t)
  const address = '/login?redirect_uri=https%3A%2F%2Fevil.test%2Fcallback'
  const { searchParams } = await authorizationRequest(world.newBrowser(), address)
  assert.deepEqual(searchParams.getAll('redirect_uri'), [`${world.origin}/callback`])
})

const refused = [
  ['prompt=evil', 'invalid_parameter'],
  ['prompt=none%20login', 'invalid_parameter'],
  ['prompt=', 'invalid_parameter'],
  ['max_age=-1', 'invalid_parameter'],
  ['max_age=1e3', 'invalid_parameter'],
  ['max_age=1234567890', 'invalid_parameter'],
  ['max_age=', 'invalid_parameter'],
  [`login_hint=${'x'.repeat(1_025)}`, 'invalid_parameter'],
  ['ui_locales=de%00', 'invalid_parameter'],
  ['acr_values=a%0D%0ASet-Cookie%3A%20x%3D1', 'invalid_parameter'],
  ['tenant=other', 'unknown_tenant'],
  ['tenant=', 'unknown_tenant'],
  ['iss=https%3A%2F%2Fevil.test', 'invalid_parameter'],
  ['target_link_uri=https%3A%2F%2Fevil.test%2F', 'invalid_return_to'],
  ['target_link_uri=%2F%2Fevil.test', 'invalid_return_to'],
  ['return_to=%2Fa&return_to=%2Fb', 'invalid_return_to'],
  ['prompt=login&prompt=none', 'invalid_parameter'],
  ['max_age=1&max_age=2', 'invalid_parameter'],
  ['acr_values=a&acr_values=b', 'invalid_parameter'],
  ['login_hint=a&login_hint=b', 'invalid_parameter'],
  ['ui_locales=a&ui_locales=b', 'invalid_parameter'],
  ['iss=a&iss=b', 'invalid_parameter'],
  ['target_link_uri=%2Fa&target_link_uri=%2Fb', 'invalid_parameter'],
  ['tenant=default&tenant=default', 'invalid_parameter'],
] as const

test('login › a bad or repeated parameter › 400, nothing stored, no cookie (OIDC-4-a, R29)', async (t) => {
  const spy = spyBackend()
  const world = await startWorld(t, { backend: spy.backend })
  const user = world.newBrowser()
  for (const [query, code] of refused) {
    const answer = await user.visit(`/login?${query}`)
    assert.equal(answer.status, 400, query)
    assert.equal(codeOf(answer), code, query)
    assert.equal(answer.headers['set-cookie'], undefined, query)
    assert.match(answer.text, /<a class="button" href="\//, query)
  }
  assert.equal(spy.count('putLogin'), 0)
})

test('login › iss with a slash more › 400: issuers compare as texts (OIDC-4-a)', async (t) => {
  const world = await startWorld(t)
  const iss = encodeURIComponent(`${world.issuer.issuer}/`)
  assert.equal((await world.newBrowser().visit(`/login?iss=${iss}`)).status, 400)
})

for (const method of ['GET', 'POST'])
  test(`login › ${method} by a third party › goes to the provider and then to target_link_uri (OIDC-4-a)`, async (t) => {
    const world = await startWorld(t)
    const user = world.newBrowser()
    const form = new URLSearchParams({
      iss: world.issuer.issuer,
      login_hint: 'ada',
      target_link_uri: `${world.origin}/orders?page=2#top`,
    }).toString()
    const landed =
      method === 'GET'
        ? await user.navigate(`/login?${form}`, 'cross-site')
        : await user.navigate('/login', 'cross-site', {
            method,
            body: form,
            headers: {
              'content-type': 'application/x-www-form-urlencoded',
              origin: 'https://portal.test',
            },
          })
    assert.equal(landed.url, `${world.origin}/orders?page=2#top`)
    assert.equal((await user.session())['authenticated'], true)
  })

const notNavigations = {
  fetch: { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
  'no-cors image': { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
  iframe: { 'sec-fetch-dest': 'iframe' },
  frame: { 'sec-fetch-dest': 'frame' },
  object: { 'sec-fetch-dest': 'object' },
  embed: { 'sec-fetch-dest': 'embed' },
  prefetch: { 'sec-purpose': 'prefetch' },
  'old prefetch': { purpose: 'prefetch' },
  prerender: { 'sec-purpose': 'prefetch;prerender' },
}

test('login › not a navigation › 403 navigation_required, no login stored (BBA-6.1.2.1-b, FAPI-5.3.3.1-e, OIDC-4-b, FM-7)', async (t) => {
  const spy = spyBackend()
  const world = await startWorld(t, { backend: spy.backend })
  for (const [name, headers] of Object.entries(notNavigations))
    for (const site of ['same-origin', 'cross-site'] as const) {
      const answer = await world.newBrowser().visit('/login', site, { headers })
      assert.equal(answer.status, 403, name)
      assert.equal(codeOf(answer), 'navigation_required', name)
      assert.equal(answer.headers['set-cookie'], undefined, name)
      assert.match(String(answer.headers['content-security-policy']), /frame-ancestors 'none'/)
    }
  const bare = await world.newBrowser().call('/login', { headers: { 'sec-fetch-mode': '' } })
  assert.equal(bare.status, 403)
  assert.equal(spy.count('putLogin'), 0)
})

const withSession = [
  ['return_to=%2Fx', '/x'],
  ['return_to=%2Fx&prompt=none', '/x'],
  ['return_to=%2Fx&login_hint=ada&ui_locales=de', '/x'],
  ['return_to=%2Fx&prompt=login', undefined],
  ['return_to=%2Fx&prompt=select_account', undefined],
  ['return_to=%2Fx&acr_values=urn%3Amfa', undefined],
  ['return_to=%2Fx&max_age=60', undefined],
] as const

for (const [query, location] of withSession)
  test(`login › a live session, ${query} › ${location ?? 'the provider'}`, async (t) => {
    const world = await startWorld(t)
    const user = await world.loggedIn()
    const answer = await user.visit(`/login?${query}`, 'same-origin')
    assert.equal(answer.status, 303)
    if (location !== undefined) assert.equal(answer.headers.location, location)
    else assert.ok(answer.headers.location?.startsWith(`${world.issuer.issuer}/authorize?`))
  })
