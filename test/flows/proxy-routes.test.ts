import assert from 'node:assert/strict'
import { test } from 'node:test'
import { send } from '../support/browser.ts'
import { startHttpUpstream } from '../support/http-upstream.ts'
import { route, startWorld } from '../support/world.ts'

const app = { 'sec-fetch-site': 'same-origin' }

test('routes › several prefixes › the longest by whole segments takes the call', async (t) => {
  const named = async (name: string) =>
    (await startHttpUpstream(t, (req, res) => res.end(`${name} ${req.url ?? ''}`))).origin
  const [orders, special, api] = [await named('orders'), await named('special'), await named('api')]
  const world = await startWorld(t, {
    config: (config) => ({
      ...config,
      routes: [
        route('/api', api),
        route('/api/orders', orders, { stripPrefix: '/api' }),
        route('/api/orders/special', special, { stripPrefix: '/api/orders/special' }),
      ],
    }),
  })
  const user = await world.loggedIn()
  const table = [
    ['/api', 'api /api'],
    ['/api/', 'api /api/'],
    ['/api/ordersx', 'api /api/ordersx'],
    ['/api/orders', 'orders /orders'],
    ['/api/orders/1?a=%2F', 'orders /orders/1?a=%2F'],
    ['/api/orders/special', 'special /'],
    ['/api/orders/special?x', 'special /?x'],
    ['/api/orders/special/', 'special /'],
    ['/api/orders/special/a', 'special /a'],
  ] as const
  for (const [path, expected] of table) assert.equal((await user.call(path)).text, expected, path)
})

const twoTokens = ['?access_token=x', '?a=1&access_token', '?a=1;access_token=x', '?%61ccess%5ftoken=x', '?ACCESS_TOKEN=x'] // prettier-ignore
for (const query of twoTokens)
  test(`routes › ${query} where our token goes along, or would (BT-2-a) › 400 invalid_request, upstream silent`, async (t) => {
    const world = await startWorld(t, {
      routes: ({ origin }) => [route('/open', origin, { public: true, token: 'optional' })],
    })
    const user = await world.loggedIn()
    for (const [browser, path] of [[user, '/api/x'], [user, '/open'], [world.newBrowser(), '/open']] as const) {
      const answer = await browser.call(`${path}${query}`)
      assert.deepEqual([answer.status, answer.json()['code']], [400, 'invalid_request'])
    }
    assert.equal(world.upstream.seen.length, 0)
  }) // prettier-ignore

test('routes › access_token in a query where no token goes along, and names like it › pass as they came', async (t) => {
  const world = await startWorld(t, {
    routes: ({ origin }) => [route('/tiles', origin, { public: true, token: 'none' })],
  })
  const user = await world.loggedIn()
  for (const target of ['/tiles/1?access_token=pk', '/api/x?access_tokens=1&q=access_token%3D', '/api/x?%zz']) {
    assert.equal((await user.call(target)).status, 200)
    assert.equal(world.upstream.last().url, target)
  }
}) // prettier-ignore

test('routes › no prefix fits › 404 no_route, upstream silent', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  for (const path of ['/apix', '/Api/x', '/other']) {
    const answer = await user.call(path)
    assert.equal(answer.status, 404, path)
    assert.equal(answer.json()['code'], 'no_route')
  }
  assert.equal(world.upstream.seen.length, 0)
})

test("routes › the broker's own addresses › no route takes them", async (t) => {
  const world = await startWorld(t, {
    routes: ({ origin }) => [route('/', origin, { public: true })],
  })
  for (const path of ['/livez', '/session', '/login', '/logout'])
    await send(`${world.origin}${path}`, { headers: app })
  assert.equal(world.upstream.seen.length, 0)
  await send(`${world.origin}/anything`, { headers: app })
  assert.equal(world.upstream.seen.length, 1)
})

test('routes › methods (BBA-6.1.3.6-c) › others 405 with Allow; without a list all pass', async (t) => {
  const world = await startWorld(t, {
    routes: ({ origin }) => [route('/api/read', origin, { methods: ['GET', 'HEAD'] })],
  })
  const user = await world.loggedIn()
  const headers = await user.csrf()
  for (const method of ['POST', 'DELETE', 'OPTIONS', 'PROPFIND']) {
    const refused = await user.call('/api/read', { method, headers })
    assert.equal(refused.status, 405)
    assert.equal(refused.headers.allow, 'GET, HEAD')
    assert.equal((await user.call('/api/any', { method, headers })).status, 200)
    assert.equal(world.upstream.last().method, method)
  }
  assert.equal(world.upstream.seen.length, 4)
})

test('routes › several upstreams › in turn', async (t) => {
  const one = await startHttpUpstream(t, (_req, res) => res.end('one'))
  const two = await startHttpUpstream(t, (_req, res) => res.end('two'))
  const world = await startWorld(t, {
    routes: () => [route('/api/lb', '', { upstreams: [one.origin, two.origin] })],
  })
  const user = await world.loggedIn()
  const texts: string[] = []
  for (let calls = 0; calls < 4; calls += 1) texts.push((await user.call('/api/lb')).text)
  assert.deepEqual(texts, ['one', 'two', 'one', 'two'])
})

test('routes › token and public › who gets in, and with what', async (t) => {
  const world = await startWorld(t, {
    routes: ({ origin }) => [
      route('/api/none', origin, { token: 'none' }),
      route('/api/none-public', origin, { token: 'none', public: true }),
      route('/api/optional-public', origin, { token: 'optional', public: true }),
    ],
  })
  const user = await world.loggedIn()
  const over = await world.loggedIn()
  const overCookie = over.cookieHeader()
  await over.call('/logout', { method: 'POST', headers: await over.csrf() })
  const cookies = { none: '', live: user.cookieHeader(), over: overCookie, bad: 'session=s:x.y' }
  const table = [
    ['none', 'none', 401],
    ['none', 'live', 200, undefined],
    ['none', 'over', 401],
    ['none-public', 'none', 200, undefined],
    ['none-public', 'live', 200, undefined],
    ['none-public', 'over', 200, undefined],
    ['optional-public', 'none', 200, undefined],
    ['optional-public', 'live', 200, /^Bearer at-/],
    ['optional-public', 'over', 200, undefined],
    ['optional-public', 'bad', 200, undefined],
  ] as const
  for (const [path, who, status, token] of table) {
    const headers = { ...app, cookie: cookies[who] }
    const answer = await send(`${world.origin}/api/${path}`, { headers })
    assert.equal(answer.status, status, `${path} ${who}`)
    if (status !== 200) continue
    const { authorization, cookie } = world.upstream.last().headers
    assert.equal(cookie, undefined)
    if (token === undefined) assert.equal(authorization, undefined, `${path} ${who}`)
    else assert.match(authorization ?? '', token)
  }
})

test('routes › public and a foreign site › refused as anywhere', async (t) => {
  const world = await startWorld(t, {
    routes: ({ origin }) => [route('/api/open', origin, { token: 'none', public: true })],
  })
  const headers = { 'sec-fetch-site': 'cross-site' }
  assert.equal((await send(`${world.origin}/api/open`, { headers })).status, 403)
  assert.equal(world.upstream.seen.length, 0)
})

test('routes › audience, resource, scope (SBCP-2.3-a, RI-2-a, RI-x) › one token each, asked for once, never mixed', async (t) => {
  const wants = {
    audience: { audience: 'orders' },
    resource: { resource: 'https://orders.example/' },
    scope: { scope: 'orders.read' },
    both: { audience: 'orders', scope: 'orders.read' },
  }
  const world = await startWorld(t, {
    routes: ({ origin }) =>
      Object.entries(wants).map(([name, want]) => route(`/api/${name}`, origin, want)),
  })
  const user = await world.loggedIn()
  const tokenAt = async (name: string) => {
    assert.equal((await user.call(`/api/${name}`)).status, 200)
    return world.upstream.last().headers.authorization
  }
  const tokens = new Set([await tokenAt('plain')])
  for (const [name, want] of Object.entries(wants)) {
    const token = await tokenAt(name)
    tokens.add(token)
    const { parameters } = world.issuer.tokenRequests.at(-1) ?? assert.fail('no grant')
    const asked = Object.fromEntries(
      ['audience', 'resource', 'scope'].flatMap((key) => {
        const value = parameters.get(key)
        return value === null ? [] : [[key, value]]
      }),
    )
    assert.deepEqual(asked, want)
    assert.equal(await tokenAt(name), token)
  }
  assert.equal(tokens.size, 5)
  assert.equal(world.issuer.grants('refresh_token'), 4)
})
