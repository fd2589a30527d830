import assert from 'node:assert/strict'
import test from 'node:test'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import * as client from 'openid-client'
import { formOf } from './jar.ts'
import { appOrigin, authorizationRequest, logIn, openForm, startWorld } from './world.ts'

test('demo provider › login through the form › gives tokens with name, email and roles', async (t) => {
  const world = await startWorld(t)
  const { tokens, callback } = await logIn(world, 'alice')
  assert.equal(callback.searchParams.get('iss'), world.demo.issuer)
  const claims = tokens.claims()
  assert.equal(claims?.['name'], 'Alice Archer')
  assert.equal(claims['email'], 'alice@demo.example')
  assert.deepEqual(claims['roles'], ['orders-read', 'orders-write'])
  assert.equal(typeof claims['sid'], 'string')
  assert.equal(typeof claims.auth_time, 'number')
  assert.equal(tokens.expires_in, 60)
  assert.equal(typeof tokens.refresh_token, 'string')
  assert.deepEqual(world.errors, [])
})

test('demo provider › access token › is an RS256 at+jwt for the API', async (t) => {
  const { tokens } = await logIn(await startWorld(t), 'bob')
  const { alg, typ } = decodeProtectedHeader(tokens.access_token)
  assert.deepEqual({ alg, typ }, { alg: 'RS256', typ: 'at+jwt' })
  const { aud, sub, ...claims } = decodeJwt(tokens.access_token)
  assert.deepEqual([aud, sub], ['urn:latchkey:demo-api', 'bob'])
  assert.deepEqual(claims['roles'], ['orders-read'])
})

test('demo provider › wrong password › shows the form again with a message', async (t) => {
  const world = await startWorld(t)
  const { formUrl, page } = await openForm(world, { login_hint: 'bob' })
  assert.match(page.text, /value="bob"/)
  const refused = await world.browser.post(formUrl, { username: '"><b>', password: 'x' })
  assert.equal(refused.status, 401)
  assert.match(refused.text, /role="alert"/)
  assert.doesNotMatch(refused.text, /"><b>/)
  const sent = await world.browser.post(formUrl, { username: 'bob', password: 'builder' })
  assert.equal((await world.browser.follow(sent, formUrl.host)).location?.origin, appOrigin)
})

test('demo provider › a login without its cookie › is a page with a way back', async (t) => {
  const world = await startWorld(t)
  const lost = await fetch(new URL('/interaction/nobody', world.demo.issuer))
  assert.equal(lost.status, 400)
  assert.match(await lost.text(), /This login is over/)
})

test('demo provider › no PKCE › is refused', async (t) => {
  const world = await startWorld(t)
  const { url } = await authorizationRequest(world)
  url.searchParams.delete('code_challenge')
  url.searchParams.delete('code_challenge_method')
  const answer = await world.browser.get(url)
  assert.equal(answer.location?.searchParams.get('error'), 'invalid_request')
})

test('demo provider › second login with a live session › asks nothing, prompt=login asks', async (t) => {
  const world = await startWorld(t)
  await logIn(world, 'alice')
  const silent = await authorizationRequest(world, { prompt: 'none' })
  const answer = await world.browser.get(silent.url)
  assert.ok(answer.location?.searchParams.has('code'))
  const { page } = await openForm(world, { prompt: 'login' })
  assert.match(page.text, /<h1>Log in<\/h1>/)
})

test('demo provider › refresh › rotates, and a reused token ends the whole grant', async (t) => {
  const world = await startWorld(t)
  const { tokens } = await logIn(world, 'alice')
  const { relyingParty } = world
  const old = tokens.refresh_token ?? ''
  const fresh = await client.refreshTokenGrant(relyingParty, old)
  assert.notEqual(fresh.refresh_token, old)
  assert.notEqual(fresh.access_token, tokens.access_token)
  const refused = { name: 'ResponseBodyError', error: 'invalid_grant' }
  await assert.rejects(client.refreshTokenGrant(relyingParty, old), refused)
  const next = fresh.refresh_token ?? ''
  await assert.rejects(client.refreshTokenGrant(relyingParty, next), refused)
})

test('demo provider › revoking one login › leaves the next login of the browser alone', async (t) => {
  const world = await startWorld(t)
  const { tokens: first } = await logIn(world, 'alice')
  const { url, checks } = await authorizationRequest(world)
  const { location } = await world.browser.get(url)
  if (location === undefined) assert.fail('the live session was asked again')
  const second = await client.authorizationCodeGrant(world.relyingParty, location, checks)
  await client.tokenRevocation(world.relyingParty, first.refresh_token ?? '')
  await assert.rejects(client.refreshTokenGrant(world.relyingParty, first.refresh_token ?? ''))
  await client.refreshTokenGrant(world.relyingParty, second.refresh_token ?? '')
})

for (const hinted of [true, false])
  test(`demo provider › logout ${hinted ? 'with' : 'without'} ID token › ends the session`, async (t) => {
    const world = await startWorld(t)
    const { tokens } = await logIn(world, 'alice')
    const url = client.buildEndSessionUrl(world.relyingParty, {
      post_logout_redirect_uri: `${appOrigin}/logout/callback`,
      state: 'back',
      ...(hinted && { id_token_hint: tokens.id_token ?? '' }),
    })
    const page = await world.browser.get(url)
    assert.equal(page.text.includes('/demo/continue.js'), hinted)
    assert.doesNotMatch(page.text, /<script>|style=|onload=/)
    const { action, fields } = formOf(page.text, url)
    const end = await world.browser.post(action, fields)
    assert.equal(end.location?.href, `${appOrigin}/logout/callback?state=back`)
    const silent = await authorizationRequest(world, { prompt: 'none' })
    const answer = await world.browser.get(silent.url)
    assert.equal(answer.location?.searchParams.get('error'), 'login_required')
  })
