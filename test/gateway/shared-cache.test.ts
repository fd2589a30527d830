import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Browser } from '../support/browser.ts'
import { send } from '../support/browser.ts'
import { nginxSkip, startCache } from '../support/nginx.ts'
import type { Pair } from '../support/raw.ts'
import { route, startWorld } from '../support/world.ts'

const pass = { setCookie: false, cookies: [], cache: true, html: false, wwwAuthenticate: false }

const setUp = async (t: TestContext) => {
  const world = await startWorld(t, {
    routes: ({ origin }) => [route('/api/shared', origin, { pass })],
  })
  const port = await startCache(t, Number(new URL(world.origin).port))
  const [ada, bob] = [await world.loggedIn(), await world.loggedIn()]
  const ask = (user: Browser, path: string, headers: Record<string, string> = {}) =>
    send(`http://127.0.0.1:${port}${path}`, {
      headers: {
        host: new URL(world.origin).host,
        cookie: user.cookieHeader(),
        'sec-fetch-site': 'same-origin',
        ...headers,
      },
    })
  /** The upstream answers with these headers, and with the token of whoever asked. */
  const answerWith = (headers: readonly Pair[], status = 200) =>
    world.upstream.answerWith((req, res) => {
      res.writeHead(status, headers.flat()).end(`for ${req.headers.authorization ?? 'nobody'}`)
    })
  return { world, ada, bob, ask, answerWith }
}

const publicly: Pair = ['Cache-Control', 'public, max-age=600, s-maxage=600']

/** R26: what an upstream may say to be kept by a cache in front of us. */
const wishes: readonly (readonly [name: string, headers: readonly Pair[], status?: number])[] = [
  ['Cache-Control: public', [publicly]],
  ['Expires', [['Expires', 'Thu, 01 Jan 2099 00:00:00 GMT']]],
  ['X-Accel-Expires', [['X-Accel-Expires', '600']]],
  ['X-Accel-Expires in odd cases', [['x-ACCEL-expires', '@4070908800'], publicly]],
  ['an ETag and a date', [publicly, ['ETag', '"same"'], ['Last-Modified', 'Thu, 01 Jan 2026 00:00:00 GMT']]],
  ['Vary on something else', [publicly, ['Vary', 'Accept']]],
  ['Connection: Cache-Control', [publicly, ['Connection', 'Cache-Control']]],
  ['301', [publicly], 301],
  ['404', [publicly], 404],
] // prettier-ignore

test('shared cache › nginx in front that keeps all it may (C10, R26, CACHE-3.5-a) › each user gets their own answer, and nothing is kept', { skip: nginxSkip, timeout: 60_000 }, async (t) => {
  const { ada, bob, ask, answerWith } = await setUp(t)
  let paths = 0
  for (const [name, headers, status] of wishes)
    for (const path of ['/api/me', '/api/me/x.css'])
      await t.test(`${name} › ${path}`, async () => {
        paths += 1
        answerWith(headers, status)
        const address = `${path}?n=${paths}`
        const first = await ask(ada, address)
        const second = await ask(bob, address)
        assert.match(first.text, /^for Bearer at-/)
        assert.match(second.text, /^for Bearer at-/)
        assert.notEqual(first.text, second.text)
        assert.equal(second.headers['x-cache'], 'MISS')
        assert.equal(second.headers['cache-control'], 'no-store')
      })
}) // prettier-ignore

test('shared cache › a part of an answer, and an answer that did not change (R26) › never from another user', { skip: nginxSkip, timeout: 60_000 }, async (t) => {
  const { world, ada, bob, ask } = await setUp(t)
  world.upstream.answerWith((req, res) => {
    const token = req.headers.authorization ?? ''
    const headers = { etag: '"same"', 'cache-control': 'public, max-age=600' }
    if (req.headers['if-none-match'] === '"same"') return void res.writeHead(304, headers).end()
    res.writeHead(200, headers).end(token)
  })
  const whole = await ask(ada, '/api/doc')
  const part = await ask(bob, '/api/doc', { range: 'bytes=10-19' })
  assert.equal(whole.text.includes(part.text), false)
  const unchanged = await ask(bob, '/api/doc', { 'if-none-match': '"same"' })
  assert.deepEqual([unchanged.text.includes(whole.text), unchanged.headers['x-cache']], [false, 'MISS']) // prettier-ignore
}) // prettier-ignore

test('shared cache › a route with pass.cache (R26) › is kept: the lane can tell', { skip: nginxSkip, timeout: 60_000 }, async (t) => {
  const { ada, bob, ask, answerWith } = await setUp(t)
  answerWith([publicly])
  const first = await ask(ada, '/api/shared/x')
  const second = await ask(bob, '/api/shared/x')
  assert.deepEqual([second.headers['x-cache'], second.text], ['HIT', first.text])
}) // prettier-ignore

test('proxy in front › orders of the upstream to it (R26, HDR-down) › do not pass', { skip: nginxSkip, timeout: 60_000 }, async (t) => {
  const { ada, ask, answerWith } = await setUp(t)
  for (const path of ['/api/me', '/api/shared/x']) {
    answerWith([['X-Accel-Redirect', '/internal'], ['X-Sendfile', '/etc/passwd']])
    assert.match((await ask(ada, path)).text, /^for Bearer at-/)
  }
}) // prettier-ignore
