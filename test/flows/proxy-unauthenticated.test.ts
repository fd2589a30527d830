import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Browser } from '../support/browser.ts'
import { send } from '../support/browser.ts'
import type { World } from '../support/world.ts'
import { startWorld } from '../support/world.ts'

const app = { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' }

const shortLives = { idleSeconds: 60, absoluteSeconds: 100 }

const startShortWorld = (t: Parameters<typeof startWorld>[0]) =>
  startWorld(t, {
    config: (config) => ({ ...config, session: { ...config.session, ...shortLives } }),
  })

type Ending = readonly [
  name: string,
  code: string,
  /** Brings it about; the result is the cookie to call with. */
  end: (world: World, user: Browser) => Promise<string>,
]

const endings: readonly Ending[] = [
  ['no cookie', 'login_required', () => Promise.resolve('')],
  ['another cookie', 'login_required', () => Promise.resolve('theme=dark')],
  [
    'a bad signature',
    'login_required',
    (_world, user) => Promise.resolve(user.cookieHeader().replace(/session=[^;]*/, '$&x')),
  ],
  [
    'the cookie twice (CK-dup)',
    'login_required',
    (_world, user) => Promise.resolve(`${user.cookieHeader()}; ${user.cookieHeader()}`),
  ],
  [
    'the name in another case (CK-prefix)',
    'login_required',
    (_world, user) => Promise.resolve(user.cookieHeader().replace('session=', 'Session=')),
  ],
  [
    'idle too long',
    'session_expired',
    (world, user) => {
      world.clock.advance(61)
      return Promise.resolve(user.cookieHeader())
    },
  ],
  [
    'used without a pause past the absolute end',
    'session_expired',
    async (world, user) => {
      for (const seconds of [50, 40]) {
        world.clock.advance(seconds)
        assert.equal((await user.call('/api/x')).status, 200)
      }
      world.clock.advance(11)
      return user.cookieHeader()
    },
  ],
  [
    'logged out',
    'session_revoked',
    async (_world, user) => {
      const cookie = user.cookieHeader()
      await user.call('/logout', { method: 'POST', headers: await user.csrf() })
      return cookie
    },
  ],
  [
    'replaced by a newer login',
    'session_revoked',
    async (_world, user) => {
      const cookie = user.cookieHeader()
      await user.navigate('/login?prompt=login', 'same-origin')
      assert.notEqual(user.cookieHeader(), cookie)
      return cookie
    },
  ],
]

for (const [name, code, end] of endings)
  test(`401 › ${name} › ${code}, upstream silent (C8, HTTP-15.5.2-a)`, async (t) => {
    const world = await startShortWorld(t)
    const user = await world.loggedIn()
    const cookie = await end(world, user)
    const before = world.upstream.seen.length
    const answer = await send(`${world.origin}/api/x`, { headers: { ...app, cookie } })
    assert.equal(answer.status, 401)
    assert.equal(answer.json()['code'], code)
    assert.match(String(answer.headers['www-authenticate']), /^Session realm="[^"]+"$/)
    assert.equal(world.upstream.seen.length, before)
  })

test('401 › a well-signed id without a record › session_expired', async (t) => {
  const other = await startWorld(t)
  const world = await startWorld(t)
  const cookie = (await other.loggedIn()).cookieHeader()
  const answer = await send(`${world.origin}/api/x`, { headers: { ...app, cookie } })
  assert.equal(answer.status, 401)
  assert.equal(answer.json()['code'], 'session_expired')
})

test('401 › for a script › problem+json with login_url, never a redirect', async (t) => {
  const world = await startWorld(t)
  const answer = await send(`${world.origin}/api/x`, { headers: { ...app, accept: 'text/html' } })
  assert.match(String(answer.headers['content-type']), /^application\/problem\+json/)
  const { type, title, status, code, request_id, login_url } = answer.json()
  assert.deepEqual(
    { status, code, login_url },
    { status: 401, code: 'login_required', login_url: '/login' },
  )
  assert.ok(typeof type === 'string' && typeof title === 'string' && title !== '')
  assert.equal(request_id, answer.headers['x-request-id'])
  assert.equal(answer.headers['cache-control'], 'no-store')
  assert.equal(answer.headers['x-content-type-options'], 'nosniff')
  assert.equal(answer.headers.location, undefined)
})

const navigations: readonly (readonly [string, Record<string, string>])[] = [
  ['Sec-Fetch-Mode: navigate', { 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'none' }],
  ['a GET that accepts HTML', { accept: 'text/html,*/*;q=0.8' }],
]

for (const [name, headers] of navigations)
  test(`401 › ${name} › a page with the way to the login, no redirect to the provider`, async (t) => {
    const world = await startWorld(t)
    const answer = await send(`${world.origin}/api/x`, { headers })
    assert.equal(answer.status, 401)
    assert.match(String(answer.headers['content-type']), /^text\/html/)
    assert.match(answer.text, /href="\/login"/)
    assert.match(answer.text, /login_required/)
    assert.ok(answer.text.includes(String(answer.headers['x-request-id'])))
    assert.match(String(answer.headers['www-authenticate']), /^Session realm=/)
    assert.equal(answer.headers.location, undefined)
    assert.equal(world.issuer.tokenRequests.length, 0)
  })

test('refusals › HEAD › the status without a body', async (t) => {
  const world = await startWorld(t)
  const answer = await send(`${world.origin}/api/x`, { method: 'HEAD', headers: app })
  assert.equal(answer.status, 401)
  assert.equal(answer.text, '')
})
