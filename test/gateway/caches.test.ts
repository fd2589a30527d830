import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { ownEndpoints } from '../../server/http/endpoints.ts'
import type { Pair } from '../support/raw.ts'
import { appHeaders, openDoor } from '../support/raw.ts'
import { route, startWorld } from '../support/world.ts'

const setUp = async (t: TestContext) => {
  const pass = { setCookie: false, cookies: [], cache: true, html: false, wwwAuthenticate: false }
  const world = await startWorld(t, {
    routes: ({ origin }) => [
      route('/api/shared', origin, { pass }),
      route('/api/cors', origin, { cors: ['https://friend.test'] }),
    ],
  })
  const door = await openDoor(t, world)
  const login = async () => appHeaders(await world.loggedIn())
  return { world, door, login }
}

/** R26, CACHE-3.5-a, and RFC 9213: all names under which a cache may be told to keep an answer. */
const wishes: readonly Pair[] = [
  ['Cache-Control', 'public, max-age=600'],
  ['cAcHe-CoNtRoL', 's-maxage=600'],
  ['CDN-Cache-Control', 'max-age=600'],
  ['Cloudflare-CDN-Cache-Control', 'max-age=600'],
  ['Vercel-CDN-Cache-Control', 'max-age=600'],
  ['Netlify-CDN-Cache-Control', 'public, max-age=600'],
  ['X-LiteSpeed-Cache-Control', 'public, max-age=600'],
  ['Surrogate-Control', 'max-age=600'],
  ['Edge-Control', 'max-age=600'],
  ['X-Accel-Expires', '600'],
  ['Expires', 'Thu, 01 Jan 2099 00:00:00 GMT'],
  ['Pragma', 'public'],
  ['Age', '0'],
]

test('cache › an upstream that wants to be kept (R26, CACHE-3.5-a, HDR-down) › no-store, and no other word to any cache', async (t) => {
  const { world, door, login } = await setUp(t)
  const own = await login()
  for (const [name, value] of wishes)
    for (const status of [200, 206, 301, 304, 404, 500])
      await t.test(`${name} › ${status}`, async () => {
        world.upstream.answerWith((_req, res) => res.writeHead(status, [name, value]).end())
        const answer = await door.ask('GET /api/me/x.css', own)
        assert.equal(answer.status, status)
        assert.deepEqual(answer.all('cache-control'), ['no-store'])
        if (name.toLowerCase() !== 'cache-control')
          assert.deepEqual(answer.all(name.toLowerCase()), [])
      })
})

test('cache › pass.cache (R26) › what the upstream says to caches passes', async (t) => {
  const { world, door, login } = await setUp(t)
  const own = await login()
  for (const [name, value] of wishes) {
    world.upstream.answerWith((_req, res) => res.writeHead(200, [name, value]).end())
    const answer = await door.ask('GET /api/shared/x', own)
    assert.deepEqual(answer.all(name.toLowerCase()), [value], name)
  }
})

test("cache › one user's ETag and Range with another user (R26) › the upstream decides, by that user's token", async (t) => {
  const { world, door, login } = await setUp(t)
  const tagOf = (token = '') => `"${token.slice(-36)}"`
  world.upstream.answerWith((req, res) => {
    const { authorization, range, 'if-none-match': known, 'if-range': of } = req.headers
    const etag = tagOf(authorization)
    if (known === etag) return void res.writeHead(304, { etag }).end()
    const part = range === 'bytes=7-9' && (of === undefined || of === etag)
    const headers = { etag, ...(part && { 'content-range': 'bytes 7-9/46' }) }
    res.writeHead(part ? 206 : 200, headers)
    res.end(part ? authorization?.slice(7, 10) : authorization)
  })
  const [ada, bob] = [await login(), await login()]
  const adasTag = (await door.ask('GET /api/doc', ada)).header('etag') ?? ''
  const bobs = await door.ask('GET /api/doc', [...bob, ['If-None-Match', adasTag]])
  assert.equal(bobs.status, 200)
  assert.notEqual(bobs.header('etag'), adasTag)

  const unchanged = await door.ask('GET /api/doc', [...ada, ['If-None-Match', adasTag]])
  assert.deepEqual([unchanged.status, unchanged.header('etag')], [304, adasTag])
  assert.deepEqual(unchanged.all('cache-control'), ['no-store'])

  const range: Pair = ['Range', 'bytes=7-9']
  const part = await door.ask('GET /api/doc', [...ada, range, ['If-Range', adasTag]])
  assert.deepEqual([part.status, part.header('content-range'), part.body.includes('at-')], [206, 'bytes 7-9/46', true]) // prettier-ignore
  const stale = await door.ask('GET /api/doc', [...bob, range, ['If-Range', adasTag]])
  assert.deepEqual([stale.status, stale.header('content-range')], [200, undefined])
})

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']

test("cache › every address of the broker's own, every method, with and without a session (CACHE-x) › no-store, once", async (t) => {
  const { door, login } = await setUp(t)
  const more = ['/session/all', '/admin/x', '/metrics', '/openapi.json', '/forward-auth', '/callback?code=x&state=y', '/login?return_to=//evil.test', '/api/%2e', '/nowhere'] // prettier-ignore
  for (const path of [...ownEndpoints.keys(), ...more])
    for (const method of methods)
      for (const [who, headers] of [
        ['nobody', []],
        ['a page', [['Sec-Fetch-Mode', 'navigate'] as const, ['Accept', 'text/html'] as const]],
        // The last one, for it may end the session.
        ['a user', await login()],
      ] as const)
        await t.test(`${method} ${path} › ${who}`, async () => {
          const answer = await door.ask(`${method} ${path}`, headers)
          assert.deepEqual(answer.all('cache-control'), path === '/nowhere' && answer.status === 200 ? ['no-cache'] : ['no-store']) // prettier-ignore
          if (answer.status >= 400 && answer.header('content-type') !== undefined)
            assert.match(answer.all('vary').join(), /Sec-Fetch-Mode/)
        })
})

test("cache › a route with CORS (CACHE-x) › Vary names the Origin besides what the upstream's says", async (t) => {
  const { world, door, login } = await setUp(t)
  const own = (await login()).filter(([name]) => name !== 'Sec-Fetch-Site')
  world.upstream.answerWith((_req, res) => res.writeHead(200, { Vary: 'Accept-Language' }).end())
  const answer = await door.ask('GET /api/cors/x', [...own, ['Origin', 'https://friend.test']])
  assert.equal(answer.header('access-control-allow-origin'), 'https://friend.test')
  assert.deepEqual(answer.all('vary').sort(), ['Accept-Language', 'Origin'])
})
