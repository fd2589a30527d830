import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Route } from '../../server/config/config.ts'
import type { Pair } from '../support/raw.ts'
import { appHeaders, openDoor } from '../support/raw.ts'
import { route, startWorld } from '../support/world.ts'

const pass: Route['pass'] = {
  setCookie: false,
  cookies: [],
  cache: false,
  html: false,
  wwwAuthenticate: false,
}

const setUp = async (t: TestContext, over: Partial<Route> = {}) => {
  const world = await startWorld(t, {
    routes: (upstream) => [route('/api/x', upstream.origin, over)],
  })
  const door = await openDoor(t, world)
  const own = await appHeaders(await world.loggedIn())
  /** The broker's answer when the upstream sends these headers. */
  const answerTo = async (headers: readonly Pair[], status = 200) => {
    world.upstream.answerWith((_req, res) => {
      res.writeHead(status, headers.flat())
      res.end('body')
    })
    const answer = await door.ask('GET /api/x/y', own)
    assert.equal(answer.status, status)
    return answer
  }
  return { world, door, answerTo }
}

const sandbox = "default-src 'none'; sandbox; frame-ancestors 'none'"

/** HDR-down, BT-x, V3.4.2: upstream headers that act on the whole origin, or speak in the broker's name. */
const neverPassed: readonly Pair[] = [
  ['Set-Cookie', 'a=b'],
  ['WWW-Authenticate', 'Basic realm="x"'],
  ['Proxy-Authenticate', 'Basic realm="x"'],
  ['Clear-Site-Data', '"*"'],
  ['Service-Worker-Allowed', '/'],
  ['Refresh', '0; url=https://evil.test'],
  ['Strict-Transport-Security', 'max-age=0'],
  ['Access-Control-Allow-Origin', '*'],
  ['Access-Control-Allow-Credentials', 'true'],
  ['Access-Control-Expose-Headers', '*'],
  ['Content-Security-Policy-Report-Only', "default-src 'self'"],
  ['Alt-Svc', 'h3=":443"'],
  ['NEL', '{}'],
  ['Report-To', '{}'],
  ['Reporting-Endpoints', 'a="https://evil.test"'],
  ['Server', 'nginx/1.0'],
  ['X-Powered-By', 'PHP/5'],
  ['Expires', 'Thu, 01 Jan 2099 00:00:00 GMT'],
  ['Age', '60'],
  ['Pragma', 'cache'],
  ['Keep-Alive', 'timeout=99'],
  ['Proxy-Connection', 'keep-alive'],
  ['Upgrade', 'h2c'],
  ['Trailer', 'X-A'],
  ['Location', 'https://evil.test/'],
]

test('answer › what would act on the whole origin (C9, HDR-down, COOK-down, BT-x) › does not pass', async (t) => {
  const { answerTo } = await setUp(t)
  for (const [name, value] of neverPassed)
    await t.test(name, async () => {
      const answer = await answerTo([[name, value]], 201)
      assert.ok(!answer.all(name.toLowerCase()).includes(value))
      assert.equal(answer.body.includes('body'), true)
    })
})

const ourPolicy: readonly Pair[] = [
  ['cache-control', 'no-store'],
  ['x-content-type-options', 'nosniff'],
  ['content-security-policy', sandbox],
]

test('answer › whatever the upstream says of it (C10, CACHE-3.5-a, R26, V3.2.1) › no-store, nosniff, sandbox, once each', async (t) => {
  const { answerTo } = await setUp(t)
  const answer = await answerTo([
    ['Cache-Control', 'public, max-age=600'],
    ['Content-Security-Policy', "default-src *; script-src 'unsafe-inline'"],
    ['X-Content-Type-Options', 'none'],
    ['X-Request-Id', 'theirs'],
    ['Content-Type', 'text/html'],
    ['ETag', '"v1"'],
  ])
  for (const [name, value] of ourPolicy) assert.deepEqual(answer.all(name), [value])
  assert.equal(answer.all('x-request-id').length, 1)
  assert.notEqual(answer.header('x-request-id'), 'theirs')
  assert.equal(answer.header('content-type'), 'text/html')
  assert.equal(answer.header('etag'), '"v1"')
})

test("answer › what the upstream's Connection names (R19, HTTP-7.6.1-a) › gone; ours stays", async (t) => {
  const { answerTo } = await setUp(t)
  const answer = await answerTo([
    ['Connection', 'X-Foo, Cache-Control, X-Content-Type-Options, Content-Length'],
    ['X-Foo', '1'],
    ['X-Bar', '1'],
    ['Content-Length', '4'],
  ])
  assert.equal(answer.header('x-foo'), undefined)
  assert.equal(answer.header('x-bar'), '1')
  assert.equal(answer.header('content-length'), '4')
  for (const [name, value] of ourPolicy) assert.deepEqual(answer.all(name), [value])
})

test('answer › pass.cache › Cache-Control, Age and Expires as the upstream has them', async (t) => {
  const { answerTo } = await setUp(t, { pass: { ...pass, cache: true } })
  const sent: readonly Pair[] = [
    ['Cache-Control', 'private, max-age=60'],
    ['Age', '3'],
  ]
  const answer = await answerTo(sent)
  for (const [name, value] of sent) assert.deepEqual(answer.all(name.toLowerCase()), [value])
})

test("answer › pass.html › the upstream's own policy, nosniff all the same", async (t) => {
  const { answerTo } = await setUp(t, { pass: { ...pass, html: true } })
  const answer = await answerTo([['Content-Security-Policy', "default-src 'self'"]])
  assert.deepEqual(answer.all('content-security-policy'), ["default-src 'self'"])
  assert.equal(answer.header('x-content-type-options'), 'nosniff')
  assert.deepEqual((await answerTo([])).all('content-security-policy'), [])
})

test('answer › pass.www_authenticate › the challenge passes', async (t) => {
  const { answerTo } = await setUp(t, { pass: { ...pass, wwwAuthenticate: true } })
  const challenge = 'Bearer error="insufficient_scope"'
  const answer = await answerTo([['WWW-Authenticate', challenge]], 403)
  assert.equal(answer.header('www-authenticate'), challenge)
})

/** COOK-down: cookies no upstream may set. */
const ownCookies = [
  'session=evil',
  'SESSION=evil',
  ' session = evil',
  '=session=evil',
  'session-acme=evil',
  'login=evil',
  'XSRF-TOKEN=evil',
  '__Host-Http-session=evil; Secure; Path=/',
  '__host-x=evil',
  '__Secure-x=evil',
  'wide=1; Domain=example.test',
  'wide=1;domain = .example.test',
]

test('answer › pass.set_cookie (COOK-down) › theirs pass, ours and wide ones never', async (t) => {
  const { answerTo } = await setUp(t, { pass: { ...pass, setCookie: true } })
  const theirs = ['theme=dark; Path=/', 'sessions=1', 'loginhint=x; HttpOnly']
  const answer = await answerTo(
    [...theirs, ...ownCookies].map((line): Pair => ['Set-Cookie', line]),
  )
  assert.deepEqual(answer.all('set-cookie'), theirs)
})

type Redirect = readonly [
  name: string,
  location: (at: { up: string; own: string }) => string,
  passed: string | undefined,
]

/** LOC-a, R4. */
const redirects: readonly Redirect[] = [
  ['to another origin', () => 'https://evil.test/', undefined],
  ['without a scheme', () => '//evil.test/', undefined],
  ['with a backslash', () => '/\\evil.test/', undefined],
  ['to a path that starts with //', ({ up }) => `${up}//evil.test/`, undefined],
  ['to a script', () => 'javascript:alert(1)', undefined],
  ['to user info', ({ up }) => `${up}@evil.test/`, undefined],
  ['to nothing readable', () => 'http://[', undefined],
  ['to itself, absolute', ({ up }) => `${up}/a?b=1#c`, '/api/x/a?b=1#c'],
  ['to itself, by path', () => '/a', '/api/x/a'],
  ['to itself, relative', () => 'z?q', '/api/x/z?q'],
  ['to a log-out of ours', ({ own }) => `${own}/logout?sid=x`, undefined],
  ['to a log-in of ours', ({ own }) => `${own}/login?return_to=%2F`, undefined],
  ['to what this version keeps free', ({ own }) => `${own}/admin/sessions`, undefined],
  ['to a path that is ours without the prefix', () => '/logout', '/api/x/logout'],
  ['to the app, as X-Forwarded-Host told it', ({ own }) => `${own}/api/x/a?b`, '/api/x/a?b'],
]

test('answer › Location (LOC-a, R4) › never followed; to itself or the app rewritten, elsewhere dropped', async (t) => {
  const { world, answerTo } = await setUp(t, { stripPrefix: '/api/x' })
  for (const [name, location, passed] of redirects)
    for (const status of [302, 307])
      await t.test(`${name} › ${status}`, async () => {
        const before = world.upstream.seen.length
        const at = { up: world.upstream.origin, own: world.origin }
        const answer = await answerTo([['Location', location(at)]], status)
        assert.equal(answer.header('location'), passed)
        assert.equal(world.upstream.seen.length, before + 1)
      })
})
