import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Pair } from '../support/raw.ts'
import { appHeaders, codeOf, openDoor } from '../support/raw.ts'
import type { WorldOptions } from '../support/world.ts'
import { route, startWorld } from '../support/world.ts'

const setUp = async (t: TestContext, options: WorldOptions = {}) => {
  const world = await startWorld(t, options)
  const door = await openDoor(t, world)
  const own = await appHeaders(await world.loggedIn())
  /** The header values under a name as the upstream got them, after a call with these headers besides. */
  const seenAfter = async (headers: readonly Pair[], start = 'GET /api/x') => {
    const answer = await door.ask(start, [...own, ...headers])
    assert.equal(answer.status, 200, answer.body)
    const raw = world.upstream.last().rawHeaders
    return (name: string) =>
      raw.filter((_, i) => i % 2 === 1 && raw[i - 1]?.toLowerCase() === name.toLowerCase())
  }
  return { world, door, own, seenAfter }
}

/** R20, SBCP-4.13-a, V4.1.3, COOK-up: what the upstream must never get from a browser. */
const neverSent: readonly Pair[] = [
  ['DPoP', 'proof'],
  ['X-Real-IP', '6.6.6.6'],
  ['X-Forwarded', 'for=6.6.6.6'],
  ['Proxy', 'http://evil.test:3128'],
  ['X-Forwarded-Port', '1'],
  ['X-Forwarded-Prefix', '/evil'],
  ['X-Forwarded-User', 'root'],
  ['X-Forwarded-Email', 'root@evil.test'],
  ['X-Forwarded-Access-Token', 'stolen'],
  ['X-Original-URL', '/admin'],
  ['X-Original-Host', 'evil.test'],
  ['X-Rewrite-URL', '/admin'],
  ['X-HTTP-Method', 'DELETE'],
  ['X-HTTP-Method-Override', 'DELETE'],
  ['X-Method-Override', 'DELETE'],
  ['X-Auth-Request-User', 'root'],
  ['X-Auth-Request-Access-Token', 'stolen'],
  ['X-User', 'root'],
  ['X-User-Id', '1'],
  ['X-Userinfo', 'e30='],
  ['X-Remote-User', 'root'],
  ['X-Remote-Groups', 'admin'],
  ['Remote-User', 'root'],
  ['Client-Cert', ':cm9vdA==:'],
  ['Client-Cert-Chain', ':Y2hhaW4=:'],
  ['Proxy-Authorization', 'Basic x'],
  ['Proxy-Connection', 'strange'],
  ['Keep-Alive', 'timeout=5'],
  ['TE', 'trailers'],
  ['Trailer', 'X-A'],
  ['Upgrade', 'h2c'],
  ['HTTP2-Settings', 'AAMAAABkAAQAAP__'],
  ['X-CSRF-Token', 'seen'],
  ['X-XSRF-TOKEN', 'seen'],
  ['X-Forward-Auth-Secret', 'guess'],
  ['Cookie', 'theme=dark'],
  ['X_User_Id', '1'],
  ['X_Forwarded_For', '6.6.6.6'],
  ['Content_Length', '5'],
]

test("headers › somebody's try to be someone else (R20, HTTP-7.6.1-c) › never reaches the upstream", async (t) => {
  const { world, seenAfter } = await setUp(t)
  for (const [name, value] of neverSent)
    await t.test(name, async () => {
      for (const spelling of [name, name.toUpperCase()]) {
        const values = await seenAfter([[spelling, value]])
        assert.deepEqual(values(name), [])
        assert.ok(!world.upstream.last().rawHeaders.includes(value))
      }
    })
})

/** What the broker says itself, whatever the browser said before. */
const replaced: readonly (readonly [string, string, RegExp])[] = [
  ['Authorization', 'Basic cm9vdDpyb290', /^Bearer at-[0-9a-f-]{36}$/],
  ['Authorization', 'DPoP stolen', /^Bearer at-[0-9a-f-]{36}$/],
  ['X-Forwarded-For', '6.6.6.6', /^(?:127\.0\.0\.1|::1)$/],
  ['X-Forwarded-Host', 'evil.test', /^localhost:\d+$/],
  ['X-Forwarded-Proto', 'https', /^http$/],
  ['Forwarded', 'for=6.6.6.6', /^for=(?:127\.0\.0\.1|"\[::1\]");host="localhost:\d+";proto=http$/],
  ['Host', 'evil', /^127\.0\.0\.1:\d+$/],
]

test('headers › what the broker says itself (C9, R20, BBA-6.1.1-K, FWD-a, BBA-6.1.3.5-a) › once, and in its own words', async (t) => {
  const { seenAfter } = await setUp(t)
  for (const [name, value, pattern] of replaced)
    await t.test(`${name}: ${value}`, async () => {
      const values = (await seenAfter(name === 'Host' ? [] : [[name, value]]))(name)
      assert.equal(values.length, 1)
      assert.match(values[0] ?? '', pattern)
    })
})

test("headers › Via (C9, HTTP-7.6.3-a) › ours is appended to the client's", async (t) => {
  const { seenAfter } = await setUp(t)
  assert.match((await seenAfter([]))('via').join(), /^1\.1 latchkey-[0-9a-f]{8}$/)
  const appended = (await seenAfter([['Via', '1.1 edge']]))('via').join()
  assert.match(appended, /^1\.1 edge, 1\.1 latchkey-[0-9a-f]{8}$/)
})

test('headers › Authorization twice (R20, BT-2-a) › 400, upstream silent', async (t) => {
  const { world, door, own } = await setUp(t)
  const twice: readonly Pair[] = [
    ['Authorization', 'Bearer a'],
    ['authorization', 'Bearer b'],
  ]
  const answer = await door.ask('GET /api/x', [...own, ...twice])
  assert.equal(answer.status, 400)
  assert.equal(codeOf(answer.body), 'invalid_request')
  assert.equal(world.upstream.seen.length, 0)
})

test('headers › the rest › passes as it came, order and repetition kept', async (t) => {
  const { seenAfter } = await setUp(t)
  const values = await seenAfter([
    ['Accept-Language', 'de'],
    ['X-Custom', 'one'],
    ['X-Custom', 'two'],
    ['Range', 'bytes=0-9'],
    ['If-None-Match', '"v1"'],
  ])
  assert.deepEqual(values('x-custom'), ['one', 'two'])
  assert.deepEqual(values('accept-language'), ['de'])
  assert.deepEqual(values('range'), ['bytes=0-9'])
  assert.deepEqual(values('if-none-match'), ['"v1"'])
})

test('headers › Connection names ours and theirs (R19, HTTP-7.6.1-a, -b) › theirs gone, ours and the framing intact', async (t) => {
  const { world, seenAfter } = await setUp(t)
  const named =
    'Authorization, Cookie, X-CSRF-Token, DPoP, Forwarded, Via, X-Forwarded-For, Content-Length, X-Foo, Host, close'
  const values = await seenAfter([
    ['Connection', named],
    ['Connection', 'X-Bar'],
    ['X-Foo', '1'],
    ['X-Bar', '1'],
    ['X-Baz', '1'],
  ])
  assert.match(values('authorization')[0] ?? '', /^Bearer at-/)
  for (const kept of ['forwarded', 'via', 'x-forwarded-for', 'host', 'x-baz'])
    assert.equal(values(kept).length, 1, kept)
  for (const gone of ['x-foo', 'x-bar']) assert.deepEqual(values(gone), [], gone)
  assert.equal(world.upstream.last().headers.connection, 'keep-alive')
})

test('headers › Connection: Content-Length on an upload (R19) › the body arrives whole, and alone', async (t) => {
  const { world, door, own } = await setUp(t)
  const headers: readonly Pair[] = [
    ...own,
    ['Connection', 'Content-Length'],
    ['Content-Length', '5'],
  ]
  assert.equal((await door.ask('POST /api/x', headers, 'hello')).status, 200)
  assert.equal(world.upstream.last().body, 'hello')
  assert.equal(world.upstream.seen.length, 1)
})

const cookieCases: readonly (readonly [string, string, readonly string[]])[] = [
  ['listed', 'theme=dark; other=1', ['theme=dark']],
  ['none listed', 'other=1', []],
  ['our names, though listed', 'session=x; XSRF-TOKEN=y; login=z', []],
  ['listed twice', 'theme=a; theme=b', ['theme=a; theme=b']],
]

test('headers › pass.cookies (COOK-up) › the listed ones alone, never ours', async (t) => {
  const cookies = ['theme', 'session', 'XSRF-TOKEN', 'login', '__Host-Http-session']
  const { world, door, own } = await setUp(t, {
    routes: (upstream) => [
      route('/api/c', upstream.origin, {
        pass: { setCookie: false, cookies, cache: false, html: false, wwwAuthenticate: false },
      }),
      route('/api/open', upstream.origin, {
        public: true,
        token: 'none',
        pass: { setCookie: false, cookies, cache: false, html: false, wwwAuthenticate: false },
      }),
    ],
  })
  const live = own.find(([name]) => name === 'Cookie')?.[1] ?? ''
  for (const [name, cookie, expected] of cookieCases)
    await t.test(name, async () => {
      const [path, text] = cookie.includes('session')
        ? ['open', cookie]
        : ['c', `${live}; ${cookie}`]
      const headers = own.map((pair): Pair => (pair[0] === 'Cookie' ? ['Cookie', text] : pair))
      assert.equal((await door.ask(`GET /api/${path}`, headers)).status, 200)
      const seen = world.upstream.last().headers.cookie
      assert.deepEqual(seen === undefined ? [] : [seen], expected)
    })
})

const requestIds: readonly (readonly [name: string, given: string, kept: boolean])[] = [
  ['a UUID', '0b0c7c4e-1f5d-4a2b-9d58-6f6d3a1c2b3d', true],
  ['too short', 'abc', false],
  ['too long', 'a'.repeat(201), false],
  ['with other characters', 'aaaaaaaaaaaaaaaaaaaaaaaa<script>', false],
]

test('headers › X-Request-ID › a sane one is kept, else a new one; client and upstream see the same', async (t) => {
  const { world, door, own } = await setUp(t)
  for (const [name, given, kept] of requestIds)
    await t.test(name, async () => {
      const answer = await door.ask('GET /api/x', [...own, ['X-Request-ID', given]])
      const id = answer.header('x-request-id') ?? ''
      assert.equal(id === given, kept)
      assert.match(id, /^[A-Za-z0-9._:-]{20,200}$/)
      assert.equal(world.upstream.last().headers['x-request-id'], id)
    })
})
