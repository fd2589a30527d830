import assert from 'node:assert/strict'
import { test } from 'node:test'
import { codeOf } from '../support/login-steps.ts'
import { spyBackend } from '../support/spy-backend.ts'
import { startWorld } from '../support/world.ts'

test('/session › nobody logged in › says so and where to log in, nothing else (BBA-6.1.2.1-a)', async (t) => {
  const world = await startWorld(t)
  const answer = await world.newBrowser().call('/session')
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['cache-control'], 'no-store')
  assert.match(answer.headers['content-type'] ?? '', /^application\/json/)
  assert.deepEqual(answer.json(), { authenticated: false, login_url: '/login' })
})

test('/session › logged in › exactly the contract’s fields, no token (BBA-6.1.2.1-a, BBA-6.1.2.4-a)', async (t) => {
  const world = await startWorld(t)
  const authTime = Math.floor(Date.now() / 1_000) - 10
  world.issuer.script.idTokenClaims = { acr: 'urn:example:pwd', auth_time: authTime, phone: '1' }
  const user = await world.loggedIn()
  const answer = await user.call('/session')
  assert.equal(answer.headers['cache-control'], 'no-store')
  const {
    csrf_token: csrf,
    logout_url: logoutUrl,
    expires_in: idle,
    absolute_expires_in: absolute,
    ...rest
  } = answer.json()
  assert.deepEqual(rest, {
    authenticated: true,
    user: { sub: 'user-1', name: 'Ada Example', email: 'ada@example.test' },
    roles: ['orders-read'],
    tenant: 'default',
    acr: 'urn:example:pwd',
    auth_time: authTime,
  })
  assert.match(String(csrf), /^[\w-]{43}$/)
  assert.match(String(logoutUrl), /^\/logout\?sid=[\w-]{43}$/)
  assert.ok(Number(idle) > 1_790 && Number(idle) <= 1_800)
  assert.ok(Number(absolute) > 43_190 && Number(absolute) <= 43_200)
  assert.ok(!String(logoutUrl).includes('op-session-1'))
})

test('/session › SESSION_CLAIMS › those claims too, prototype names and huge ones harmless (R30)', async (t) => {
  const claims = [
    'department',
    'https://claims.test/level',
    '__proto__',
    'constructor',
    'sub',
    'big',
  ]
  const world = await startWorld(t, {
    config: (config) => ({ ...config, session: { ...config.session, claims } }),
  })
  world.issuer.script.idTokenClaims = {
    department: { name: 'R&D' },
    'https://claims.test/level': 3,
    big: 'x'.repeat(5_000),
    secret_claim: 'not listed',
    ['__proto__']: { admin: true },
  }
  const user = await world.loggedIn()
  const shown = (await user.session())['user'] as Record<string, unknown>
  const { sub, department, big, admin } = shown
  assert.deepEqual(
    { sub, department, big, admin },
    {
      sub: 'user-1',
      department: { name: 'R&D' },
      big: undefined,
      admin: undefined,
    },
  )
  assert.equal(shown['https://claims.test/level'], 3)
  assert.equal('secret_claim' in shown, false)
  assert.equal(Reflect.get({}, 'admin'), undefined)
})

test('/session › an ID token without name, email, roles, acr › the fields are left out or empty', async (t) => {
  const world = await startWorld(t)
  world.issuer.script.idTokenClaims = { name: undefined, email: undefined, roles: undefined }
  const session = await (await world.loggedIn()).session()
  assert.deepEqual(session['user'], { sub: 'user-1' })
  assert.deepEqual(session['roles'], [])
  assert.equal('acr' in session, false)
})

const foreign = {
  'cross-site': { 'sec-fetch-site': 'cross-site' },
  'same-site': { 'sec-fetch-site': 'same-site' },
  'a foreign Origin': { origin: 'https://evil.test' },
  'a null Origin': { origin: 'null' },
  'an unknown site and a foreign Origin': {
    'sec-fetch-site': 'future',
    origin: 'https://evil.test',
  },
}

for (const [name, headers] of Object.entries(foreign))
  test(`/session › ${name} › 403 cross_site, even with the CSRF token (FM-1, FM-2, BBA-6.1.3.3.1-a)`, async (t) => {
    const world = await startWorld(t)
    const user = await world.loggedIn()
    const csrf = await user.csrf()
    for (const more of [{}, csrf]) {
      const answer = await user.call('/session', { headers: { ...headers, ...more } })
      assert.equal(answer.status, 403)
      assert.equal(codeOf(answer), 'cross_site')
      assert.equal(answer.headers['access-control-allow-origin'], undefined)
    }
  })

for (const site of ['none', 'future'])
  test(`/session › Sec-Fetch-Site ${site} and no more › csrf_missing; with the token, the session (FM-2, FM-3)`, async (t) => {
    const world = await startWorld(t)
    const user = await world.loggedIn()
    const csrf = await user.csrf()
    const bare = await user.call('/session', { headers: { 'sec-fetch-site': site } })
    assert.equal(bare.status, 403)
    assert.equal(codeOf(bare), 'csrf_missing')
    const proven = await user.call('/session', { headers: { 'sec-fetch-site': site, ...csrf } })
    assert.equal(proven.json()['authenticated'], true)
    const wrong = { 'sec-fetch-site': site, 'x-csrf-token': 'x'.repeat(43) }
    assert.equal(codeOf(await user.call('/session', { headers: wrong })), 'csrf_invalid')
  })

test('/session › other methods › 405 with Allow', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  for (const method of ['POST', 'PUT', 'DELETE']) {
    const answer = await user.call('/session', { method })
    assert.equal(answer.status, 405, method)
    assert.match(answer.headers.allow ?? '', /GET/)
  }
})

test('/session › the XSRF-TOKEN cookie › is the csrf_token, and comes back when it is lost', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  const token = (await user.session())['csrf_token']
  assert.equal(user.cookies().get('XSRF-TOKEN')?.value, token)
  assert.equal((await user.call('/session')).headers['set-cookie'], undefined)
  user.setCookie('XSRF-TOKEN', 'planted')
  await user.session()
  assert.equal(user.cookies().get('XSRF-TOKEN')?.value, token)
  const headers = { 'x-xsrf-token': String(token) }
  assert.equal((await user.call('/api/x', { method: 'POST', headers })).status, 200)
})

test('/session › the store does not answer › 503 store_unavailable, the cookie is not touched (R28)', async (t) => {
  const spy = spyBackend()
  const world = await startWorld(t, { backend: spy.backend })
  const user = await world.loggedIn()
  spy.down.add('all')
  for (const path of ['/session', '/session?slide=false']) {
    const answer = await user.call(path)
    assert.equal(answer.status, 503)
    assert.equal(codeOf(answer), 'store_unavailable')
    assert.equal(answer.headers['set-cookie'], undefined)
    assert.doesNotMatch(answer.text, /authenticated/)
  }
  spy.down.clear()
  assert.equal((await user.session())['authenticated'], true)
})
