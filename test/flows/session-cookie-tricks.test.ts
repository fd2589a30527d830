import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sign } from 'cookie-signature'
import { secret } from '../../server/core/secret.ts'
import { send } from '../support/browser.ts'
import { codeOf, openCallback, pendingCallback } from '../support/login-steps.ts'
import { spyBackend } from '../support/spy-backend.ts'
import { startWorld } from '../support/world.ts'

const ownKey = 'a-signing-secret-of-enough-length!!'
const signedBy = (key: string, id: string): string => encodeURIComponent(`s:${sign(id, key)}`)
const unknownId = 'x'.repeat(43)

/** Cookie headers that carry no session, made from one that does. */
const tricks = (good: string): Record<string, string> => ({
  'two session cookies': `session=${good}; session=${good}`,
  'the good one first': `session=${good}; session=evil`,
  'the good one last': `session=evil; session=${good}`,
  'another case': `Session=${good}`,
  'capitals (CK-prefix)': `SESSION=${good}`,
  'the name of https (CK-prefix)': `__Host-Http-session=${good}`,
  'that name in lower case (CK-prefix)': `__host-http-session=${good}`,
  'a space in the name': `session =evil; sess ion=${good}`,
  'quotes around it': `session="${good}"`,
  'the signature of a removed key': `session=${signedBy('k'.repeat(32), unknownId)}`,
  'a bit of the signature changed': `session=${good.slice(0, -1)}${good.endsWith('A') ? 'B' : 'A'}`,
  'no signature': `session=${good.slice(0, good.lastIndexOf('.'))}`,
  'no s: mark': `session=${good.slice('s%3A'.length)}`,
  'nothing in it': 'session=',
  '8 kB': `session=${'a'.repeat(8_000)}`,
  '8 kB well signed': `session=${signedBy(ownKey, 'a'.repeat(8_000))}`,
  __proto__: 'session=__proto__; __proto__=x',
  'a well-signed __proto__': `session=${signedBy(ownKey, '__proto__')}`,
  'a well-signed path': `session=${signedBy(ownKey, '../../x')}`,
  'a well-signed short id': `session=${signedBy(ownKey, 'a')}`,
  'percent garbage': 'session=%E0%A4%A; %=%',
  'half an escape': 'session=%',
  'an encoded NUL': 'session=s%3A%00%00.x',
  'an encoded line break': 'session=s%3A%0d%0aSET%20x.y',
  'a JSON cookie': 'session=j%3A%7B%22cookie%22%3A%7B%7D%7D',
  'only separators': ';;;=;= ;',
})

const appHeaders = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' }
const navigation = { 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate', accept: 'text/html' }

test('cookie tricks › at /session, /login and /api › no session, no 500, no key from their text (R24, CK-dup)', async (t) => {
  const spy = spyBackend()
  const world = await startWorld(t, { backend: spy.backend })
  const user = await world.loggedIn()
  const good = user.cookies().get('session')?.value ?? ''
  for (const [name, cookie] of Object.entries(tricks(good))) {
    const before = spy.calls.length
    const session = await send(`${world.origin}/session`, { headers: { ...appHeaders, cookie } })
    assert.deepEqual(session.json(), { authenticated: false, login_url: '/login' }, name)
    assert.equal(session.headers['set-cookie'], undefined, name)
    const api = await send(`${world.origin}/api/x`, { headers: { ...appHeaders, cookie } })
    assert.equal(`${api.status} ${String(codeOf(api))}`, '401 login_required', name)
    assert.equal(spy.calls.length, before, name)
    const login = await send(`${world.origin}/login`, { headers: { ...navigation, cookie } })
    assert.ok(login.headers.location?.startsWith(world.issuer.issuer), name)
  }
  for (const text of spy.keyTexts())
    assert.match(text, /^(?:[\w-]{43}|session|vault|listing|session_\w+)$/)
  assert.equal(world.upstream.seen.length, 0)
  assert.equal((await user.session())['authenticated'], true)
})

test('cookie tricks › a well-signed id without a record › anonymous; 401 session_expired (R24)', async (t) => {
  const world = await startWorld(t)
  const cookie = `session=${signedBy(ownKey, unknownId)}`
  const session = await send(`${world.origin}/session`, { headers: { ...appHeaders, cookie } })
  assert.equal(session.json()['authenticated'], false)
  const api = await send(`${world.origin}/api/x`, { headers: { ...appHeaders, cookie } })
  assert.equal(codeOf(api), 'session_expired')
})

test('cookie tricks › a login under a well-signed foreign id › the id is not adopted (R24, R11)', async (t) => {
  const world = await startWorld(t)
  const user = world.newBrowser()
  const planted = signedBy(ownKey, unknownId)
  user.setCookie('session', planted)
  await user.navigate('/login')
  assert.notEqual(user.cookies().get('session')?.value, planted)
  assert.equal((await user.session())['authenticated'], true)
})

test('cookie tricks › the login cookie › doubled or malformed it is replaced, never a key (R24)', async (t) => {
  const spy = spyBackend()
  const world = await startWorld(t, { backend: spy.backend })
  for (const value of ['__proto__', 'x', '%00', 'a'.repeat(44), '../../x', 'a; login=b']) {
    const user = world.newBrowser()
    user.setCookie('login', value)
    const callback = await pendingCallback(user)
    assert.match(user.cookies().get('login')?.value ?? '', /^[\w-]{43}$/)
    assert.equal((await openCallback(user, callback)).status, 303, value)
  }
  for (const text of spy.keyTexts()) assert.match(text, /^(?:[\w-]{43}|session|vault|listing)$/)
})

test('cookie tricks › a secret that is being rotated › the older signature still holds (R24)', async (t) => {
  const newer = 'another-signing-secret-long-enough!'
  const backend = spyBackend().backend
  const first = await startWorld(t, { backend })
  const user = await first.loggedIn()
  const second = await startWorld(t, {
    backend,
    config: (config) => ({
      ...config,
      tenant: first.config.tenant,
      session: { ...config.session, secrets: [secret(newer), secret(ownKey)] },
    }),
  })
  const headers = { ...appHeaders, cookie: user.cookieHeader() }
  const session = await send(`${second.origin}/session`, { headers })
  assert.equal(session.json()['authenticated'], true)
})
