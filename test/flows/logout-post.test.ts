import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeOf } from '../support/login-steps.ts'
import { csrfField, postForm, worthOf, worthless } from '../support/logout-steps.ts'
import { startWorld } from '../support/world.ts'

test('logout › form with csrf_token › 303 to the provider, the session is over before (RPL-2-a, -b, -c, V7.4.1)', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  const cookie = user.cookieHeader()
  const fields = { ...(await csrfField(user)), return_to: '/bye?x=1' }
  const answer = await postForm(user, world.origin, fields)
  assert.equal(answer.status, 303)
  assert.equal(answer.headers['cache-control'], 'no-store')
  assert.equal(world.issuer.endSessions.length, 0)
  assert.deepEqual(await worthOf(world.origin, cookie), worthless)
  assert.deepEqual([...user.cookies().keys()], ['login'])

  const end = new URL(answer.headers.location ?? '')
  assert.equal(`${end.origin}${end.pathname}`, `${world.issuer.issuer}/logout`)
  const { state, id_token_hint: hint, ...rest } = Object.fromEntries(end.searchParams)
  assert.deepEqual(rest, {
    client_id: world.config.tenant.clientId,
    post_logout_redirect_uri: `${world.origin}/logout/callback`,
  })
  assert.match(state ?? '', /^[\w-]{22,64}$/)
  assert.equal(hint?.split('.').length, 3)
  assert.equal((await user.navigate(end.href, 'same-origin')).url, `${world.origin}/bye?x=1`)
})

test('logout › by script with the header › {redirect_to}, a path without a token, good once (C12, C14, RPL-2-c)', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  const cookie = user.cookieHeader()
  const headers = await user.csrf()
  const answer = await user.call('/logout?return_to=/bye', { method: 'POST', headers })
  assert.equal(answer.status, 200)
  const { redirect_to: path, ...rest } = answer.json()
  assert.deepEqual(rest, {})
  assert.match(String(path), /^\/(?!\/)/)
  assert.doesNotMatch(answer.text, /eyJ|id_token/)
  assert.deepEqual(await worthOf(world.origin, cookie), worthless)
  const once = await user.visit(String(path), 'same-origin')
  assert.equal(once.status, 303)
  const end = new URL(once.headers.location ?? '')
  assert.ok(end.searchParams.has('id_token_hint'))
  const twice = await user.visit(String(path), 'same-origin')
  assert.equal(twice.headers.location, '/')
  assert.equal((await user.navigate(end.href, 'same-origin')).url, `${world.origin}/bye`)
})

test('logout › redirect_to after 61 s › leads to the app, no longer to the provider', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  const answer = await user.call('/logout', { method: 'POST', headers: await user.csrf() })
  world.clock.advance(61)
  const late = await user.visit(String(answer.json()['redirect_to']), 'same-origin')
  assert.equal(late.status, 303)
  assert.equal(late.headers.location, '/')
})

test('logout › redirect_to by fetch › 403 and not used up: no script follows it to the ID token', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  const answer = await user.call('/logout', { method: 'POST', headers: await user.csrf() })
  const path = String(answer.json()['redirect_to'])
  const fetched = await user.call(path)
  assert.equal(fetched.status, 403)
  assert.equal(codeOf(fetched), 'navigation_required')
  assert.equal(fetched.headers.location, undefined)
  const followed = await user.visit(path, 'same-origin')
  assert.ok(followed.headers.location?.startsWith(world.issuer.issuer))
})

const refusals = {
  'no token': [{}, 'csrf_missing'],
  'an empty token': [{ 'x-csrf-token': '' }, 'csrf_missing'],
  'a wrong token': [{ 'x-csrf-token': 'x'.repeat(43) }, 'csrf_invalid'],
  'a wrong X-XSRF-TOKEN': [{ 'x-xsrf-token': 'x'.repeat(43) }, 'csrf_invalid'],
} as const

for (const [name, [headers, code]] of Object.entries(refusals))
  test(`logout › POST with ${name} › 403 ${code}, the session stays (RPL-CSRF)`, async (t) => {
    const world = await startWorld(t)
    const user = await world.loggedIn()
    const answer = await user.call('/logout', { method: 'POST', headers })
    assert.equal(answer.status, 403)
    assert.equal(codeOf(answer), code)
    assert.equal(answer.headers['set-cookie'], undefined)
    assert.equal((await user.session())['authenticated'], true)
    assert.deepEqual(world.issuer.revoked, [])
  })

test("logout › POST with another session's token, header or field › 403 csrf_invalid (BBA-6.1.3.3.3-a)", async (t) => {
  const world = await startWorld(t)
  const [user, other] = [await world.loggedIn(), await world.loggedIn()]
  const header = await user.call('/logout', { method: 'POST', headers: await other.csrf() })
  assert.equal(codeOf(header), 'csrf_invalid')
  const field = await postForm(user, world.origin, await csrfField(other))
  assert.equal(codeOf(field), 'csrf_invalid')
  assert.equal((await user.session())['authenticated'], true)
})

test('logout › a wrong header beside the right field › the header is what counts', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  const answer = await user.visit('/logout', 'same-origin', {
    method: 'POST',
    headers: {
      origin: world.origin,
      'content-type': 'application/x-www-form-urlencoded',
      'x-csrf-token': 'x'.repeat(43),
    },
    body: new URLSearchParams(await csrfField(user)).toString(),
  })
  assert.equal(codeOf(answer), 'csrf_invalid')
})

for (const [name, headers] of Object.entries({
  'a cross-site form': { 'sec-fetch-site': 'cross-site', origin: 'https://evil.test' },
  'a sibling subdomain': { 'sec-fetch-site': 'same-site', origin: 'https://evil.app.test' },
  'a sandboxed frame': { origin: 'null' },
  'a foreign Origin alone': { 'sec-fetch-site': '', origin: 'https://evil.test' },
}))
  test(`logout › POST from ${name}, even with the token › 403 cross_site (RPL-CSRF, R25)`, async (t) => {
    const world = await startWorld(t)
    const user = await world.loggedIn()
    const all = { ...headers, ...(await user.csrf()) }
    const answer = await user.call('/logout', { method: 'POST', headers: all })
    assert.equal(answer.status, 403)
    assert.equal(codeOf(answer), 'cross_site')
    assert.equal((await user.session())['authenticated'], true)
  })

test('logout › POST without a session › 303 to return_to, or 200 for a script (RPL-4-a)', async (t) => {
  const world = await startWorld(t)
  const user = world.newBrowser()
  const form = await postForm(user, world.origin, { return_to: '/bye' })
  assert.equal(form.status, 303)
  assert.equal(form.headers.location, '/bye')
  const script = await user.call('/logout?return_to=/bye', { method: 'POST' })
  assert.equal(script.status, 200)
  assert.deepEqual(script.json(), { redirect_to: '/bye' })
})

test('logout › a second time › fine, the provider is not asked again (RPL-4-a)', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  const headers = await user.csrf()
  const cookie = user.cookieHeader()
  await user.call('/logout', { method: 'POST', headers })
  const again = await user.call('/logout', { method: 'POST', headers: { ...headers, cookie } })
  assert.equal(again.status, 200)
  assert.deepEqual(again.json(), { redirect_to: '/' })
  assert.equal(world.issuer.revoked.length, 1)
})

test('logout › twice at once › both end well, one revocation', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  const headers = await user.csrf()
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => user.call('/logout', { method: 'POST', headers })),
  )
  for (const { status } of answers) assert.equal(status, 200)
  assert.ok(world.issuer.revoked.length >= 1)
  assert.deepEqual([...new Set(world.issuer.revoked)].length, 1)
})
