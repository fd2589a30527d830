import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { ReadyConfig } from '../../server/config/ready-config.ts'
import type { Answer } from '../support/browser.ts'
import { send } from '../support/browser.ts'
import type { Asked } from '../support/forward-auth.ts'
import { ask, asksAllowed } from '../support/forward-auth.ts'
import { spyBackend } from '../support/spy-backend.ts'
import { route, startWorld } from '../support/world.ts'

const setUp = async (t: TestContext) => {
  const world = await startWorld(t, {
    config: asksAllowed,
    routes: ({ origin }) => [
      route('/api/read', origin, { methods: ['GET'] }),
      route('/api/open', origin, { public: true, token: 'none' }),
      route('/api/small', origin, { bodyLimitBytes: 10 }),
      route('/api/shared', origin, { cors: ['https://partner.example'] }),
      route('/', origin),
    ],
  })
  const user = await world.loggedIn()
  const own = { cookie: user.cookieHeader(), 'sec-fetch-site': 'same-origin' }
  return { world, user, own, csrf: await user.csrf() }
}

type Setting = Awaited<ReturnType<typeof setUp>>

test('forward-auth › a call of the app › 204 with the token that the call would carry, for nobody to keep', async (t) => {
  const { world, own } = await setUp(t)
  const id = 'a-request-id-of-the-router'
  const answer = await ask(world.origin, {
    path: '/api/things?q=1',
    headers: { ...own, 'x-request-id': id, authorization: 'Bearer from-the-browser' },
  })
  assert.equal(answer.status, 204)
  assert.equal(answer.headers['cache-control'], 'no-store')
  assert.equal(answer.headers['x-request-id'], id)
  assert.equal(world.upstream.seen.length, 0)
  await send(`${world.origin}/api/things`, { headers: own })
  assert.match(answer.headers.authorization ?? '', /^Bearer at-/)
  assert.equal(answer.headers.authorization, world.upstream.last().headers.authorization)
})

test('forward-auth › a POST with the CSRF header › 204; a public route without session › 204 and no token', async (t) => {
  const { world, own, csrf } = await setUp(t)
  const headers = { ...own, ...csrf }
  const posted = await ask(world.origin, { method: 'POST', path: '/api/x', headers })
  assert.equal(posted.status, 204)
  const open = await ask(world.origin, { path: '/api/open' })
  assert.deepEqual([open.status, open.headers.authorization], [204, undefined])
})

const factsOf = ({ status, headers, text, json }: Answer) => {
  const body = text === '' ? {} : json()
  return {
    status,
    code: body['code'],
    loginUrl: body['login_url'],
    detail: body['detail'],
    type: headers['content-type'],
    challenge: headers['www-authenticate'],
    allow: headers.allow,
  }
}

type Refused = readonly [
  name: string,
  status: number,
  code: string,
  asked: (set: Setting) => Asked | Promise<Asked>,
]

const refused: readonly Refused[] = [
  ['no cookie', 401, 'login_required', () => ({ path: '/api/x' })],
  [
    'a cookie of a session that ended',
    401,
    'session_revoked',
    async ({ user, own, csrf }) => {
      await user.call('/logout', { method: 'POST', headers: csrf })
      return { path: '/api/x', headers: own }
    },
  ],
  [
    "another site's call, token and all",
    403,
    'cross_site',
    ({ own, csrf }) => ({
      path: '/api/x',
      headers: { ...own, ...csrf, 'sec-fetch-site': 'cross-site' },
    }),
  ],
  [
    'a foreign Origin',
    403,
    'cross_site',
    ({ own }) => ({ path: '/api/x', headers: { ...own, origin: 'https://evil.example' } }),
  ],
  [
    'POST without the CSRF header',
    403,
    'csrf_missing',
    ({ own }) => ({ method: 'POST', path: '/api/x', headers: own }),
  ],
  [
    'POST with a wrong one',
    403,
    'csrf_invalid',
    ({ own }) => ({ method: 'POST', path: '/api/x', headers: { ...own, 'x-csrf-token': 'x' } }),
  ],
  [
    'GET without evidence',
    403,
    'csrf_missing',
    ({ own: { cookie } }) => ({ path: '/api/x', headers: { cookie } }),
  ],
  [
    'a method that the route does not have',
    405,
    'method_not_allowed',
    ({ own }) => ({ method: 'PUT', path: '/api/read', headers: own }),
  ],
  ['TRACE', 405, 'method_not_allowed', ({ own }) => ({ method: 'TRACE', path: '/api/x', headers: own })],
  ['a foreign host', 421, 'unknown_host', ({ own }) => ({ path: '/api/x', headers: { ...own, host: 'evil.example' } })],
  ['an escaped dot', 400, 'invalid_path', ({ own }) => ({ path: '/api/%2e%2e/admin', headers: own })],
  ['an empty segment', 400, 'invalid_path', ({ own }) => ({ path: '/api//x', headers: own })],
  ['an absolute target', 421, 'unknown_host', ({ own }) => ({ path: 'http://evil.example/api/x', headers: own })],
] // prettier-ignore

for (const [name, status, code, asked] of refused)
  test(`forward-auth › ${name} › ${status} ${code}, as the call itself would get`, async (t) => {
    const set = await setUp(t)
    const question = await asked(set)
    const answer = await ask(set.world.origin, question)
    const { method = 'GET', path, headers = {} } = question
    const { origin, upstream } = set.world
    const proxied = await send(origin, { method, headers, target: path })
    assert.deepEqual(factsOf(answer), factsOf(proxied))
    assert.deepEqual([answer.status, answer.json()['code']], [status, code])
    assert.equal(answer.headers.authorization, undefined)
    assert.equal(answer.headers['cache-control'], 'no-store')
    assert.equal(upstream.seen.length, 0)
  })

test('forward-auth › a navigation without a session › 401 and the page with the way to the login', async (t) => {
  const { world } = await setUp(t)
  const headers = { 'sec-fetch-mode': 'navigate', 'sec-fetch-site': 'none', accept: 'text/html' }
  const answer = await ask(world.origin, { path: '/api/x', headers })
  assert.equal(answer.status, 401)
  assert.match(answer.text, /href="\/login"/)
})

test("forward-auth › the broker's own addresses, though a route has / › 404 no_route: no token for them", async (t) => {
  const { world, own } = await setUp(t)
  assert.equal((await ask(world.origin, { path: '/else', headers: own })).status, 204)
  for (const path of ['/session', '/login', '/admin', '/forward-auth', '/livez']) {
    const answer = await ask(world.origin, { path, headers: own })
    assert.deepEqual([path, answer.status, answer.json()['code']], [path, 404, 'no_route'])
  }
})

test('forward-auth › a Content-Length above the limit of the route › 413, as far as the proxy tells it', async (t) => {
  const { world, own, csrf } = await setUp(t)
  const headers = { ...own, ...csrf, 'content-length': '11' }
  const answer = await ask(world.origin, { method: 'POST', path: '/api/small', headers })
  assert.deepEqual([answer.status, answer.json()['code']], [413, 'body_too_large'])
})

test('forward-auth › the store is down › 503 store_unavailable, and no token', async (t) => {
  const store = spyBackend()
  const world = await startWorld(t, { config: asksAllowed, backend: store.backend })
  const user = await world.loggedIn()
  store.down.add('all')
  const headers = { cookie: user.cookieHeader(), 'sec-fetch-site': 'same-origin' }
  const answer = await ask(world.origin, { path: '/api/x', headers })
  assert.deepEqual([answer.status, answer.json()['code']], [503, 'store_unavailable'])
  assert.equal(answer.headers.authorization, undefined)
})

test('forward-auth › the token is over › refreshed once, as for a call; the provider is away › 503 idp_unavailable', async (t) => {
  const { world, own } = await setUp(t)
  world.clock.advance(301)
  const answer = await ask(world.origin, { path: '/api/x', headers: own })
  assert.equal(answer.status, 204)
  assert.equal(world.issuer.grants('refresh_token'), 1)
  world.clock.advance(301)
  world.issuer.close()
  const refusedThen = await ask(world.origin, { path: '/api/x', headers: own })
  assert.deepEqual([refusedThen.status, refusedThen.json()['code']], [503, 'idp_unavailable'])
})

test('forward-auth › a call every now and then › keeps the session from its idle end, as a call does', async (t) => {
  const config = (base: ReadyConfig) => ({
    ...asksAllowed(base),
    session: { ...base.session, idleSeconds: 60 },
  })
  const world = await startWorld(t, { config })
  const user = await world.loggedIn()
  const headers = { cookie: user.cookieHeader(), 'sec-fetch-site': 'same-origin' }
  for (let calls = 0; calls < 3; calls += 1) {
    world.clock.advance(40)
    assert.equal((await ask(world.origin, { path: '/api/x', headers })).status, 204)
  }
  world.clock.advance(61)
  const answer = await ask(world.origin, { path: '/api/x', headers })
  assert.deepEqual([answer.status, answer.json()['code']], [401, 'session_expired'])
})
