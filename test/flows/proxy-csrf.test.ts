import assert from 'node:assert/strict'
import { test } from 'node:test'
import { send } from '../support/browser.ts'
import { route, startWorld } from '../support/world.ts'

const listed = 'https://partner.example'

type Call = {
  readonly site: string | undefined
  readonly origin: 'own' | 'listed' | 'foreign' | 'null' | undefined
  readonly method: string
  readonly token: 'right' | 'wrong' | undefined
}

const sites = [undefined, 'same-origin', 'same-site', 'cross-site', 'none', 'future']
const origins = [undefined, 'own', 'listed', 'foreign', 'null'] as const
const methods = ['GET', 'HEAD', 'OPTIONS', 'POST', 'DELETE']
const tokens = [undefined, 'right', 'wrong'] as const

const calls: readonly Call[] = sites.flatMap((site) =>
  origins.flatMap((origin) =>
    methods.flatMap((method) => tokens.map((token) => ({ site, origin, method, token }))),
  ),
)

/** The contract's words as a function: `ok` or the code of the refusal. */
const verdict = ({ site, origin, method, token }: Call): string => {
  const elsewhere = site === 'same-site' || site === 'cross-site'
  if (origin === 'foreign' || origin === 'null') return 'cross_site'
  if (origin !== 'listed' && elsewhere) return 'cross_site'
  const evident = origin !== undefined || site === 'same-origin'
  const unsafe = method === 'POST' || method === 'DELETE'
  if (!unsafe && evident) return 'ok'
  if (token === undefined) return 'csrf_missing'
  return token === 'right' ? 'ok' : 'csrf_invalid'
}

test('csrf › Sec-Fetch-Site × Origin × method × token (BBA-6.1.3.3-a, BBA-6.1.3.3.2-a, -b, FM-1, FM-2, FM-3) › as the contract has it', async (t) => {
  const world = await startWorld(t, {
    routes: (upstream) => [route('/api/shared', upstream.origin, { cors: [listed] })],
  })
  const user = await world.loggedIn()
  const { 'x-csrf-token': right = '' } = await user.csrf()
  const originOf = { own: world.origin, listed, foreign: 'https://evil.test', null: 'null' }
  const headersOf = ({ site, origin, token }: Call) => ({
    cookie: user.cookieHeader(),
    ...(site !== undefined && { 'sec-fetch-site': site }),
    ...(origin !== undefined && { origin: originOf[origin] }),
    ...(token !== undefined && { 'x-csrf-token': token === 'right' ? right : `${right}x` }),
  })
  const wrong: unknown[] = []
  for (const call of calls) {
    const before = world.upstream.seen.length
    const { method } = call
    const answer = await send(`${world.origin}/api/shared`, { method, headers: headersOf(call) })
    const heard = world.upstream.seen.length - before
    const expected = verdict(call)
    const got = answer.status === 200 ? 'ok' : method === 'HEAD' ? expected : answer.json()['code']
    const right = got === expected && heard === (expected === 'ok' ? 1 : 0)
    if (!right || (answer.status !== 200 && answer.status !== 403))
      wrong.push({ ...call, expected, got, heard, status: answer.status })
  }
  assert.deepEqual(wrong, [])
})

/** What a foreign page can make a browser send, with the session cookie as if SameSite were not there. */
const forged: readonly (readonly [string, string, Record<string, string>])[] = [
  ['form POST', 'POST', { 'content-type': 'application/x-www-form-urlencoded', origin: 'null' }],
  ['JSON as text/plain', 'POST', { 'content-type': 'text/plain', 'sec-fetch-site': 'same-site' }],
  ['sendBeacon', 'POST', { 'content-type': 'text/plain', 'sec-fetch-mode': 'no-cors' }],
  ['POST without body', 'POST', {}],
  ['fetch keepalive no-cors', 'GET', { 'sec-fetch-mode': 'no-cors' }],
  ['image', 'GET', { 'sec-fetch-dest': 'image', 'sec-fetch-mode': 'no-cors' }],
  ['EventSource', 'GET', { accept: 'text/event-stream' }],
  ['prefetch', 'GET', { 'sec-purpose': 'prefetch' }],
  ['HEAD', 'HEAD', {}],
  ['top-level navigation', 'GET', { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }],
  ['redirect from an allowed page', 'GET', { referer: 'https://partner.example/' }],
  ['method override', 'POST', { 'x-http-method-override': 'GET' }],
]

test('csrf › what foreign and sibling pages can send (R25, BBA-6.1.3.3.1-a) › 403, upstream silent', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  for (const [name, method, extra] of forged)
    for (const site of ['cross-site', 'same-site', undefined])
      await t.test(`${name} › ${site ?? 'an old browser'}`, async () => {
        const from = site === undefined ? {} : { 'sec-fetch-site': site }
        const headers = { cookie: user.cookieHeader(), ...extra, ...from }
        const answer = await send(`${world.origin}/api/x`, { method, headers })
        assert.equal(answer.status, 403)
        assert.equal(world.upstream.seen.length, 0)
      })
})

const headerCases: readonly (readonly [
  string,
  (right: string) => Record<string, string>,
  string,
])[] = [
  ['X-XSRF-TOKEN alone', (right) => ({ 'x-xsrf-token': right }), 'ok'],
  [
    'X-CSRF-Token right, X-XSRF-TOKEN wrong',
    (right) => ({ 'x-csrf-token': right, 'x-xsrf-token': 'no' }),
    'ok',
  ],
  [
    'X-CSRF-Token wrong, X-XSRF-TOKEN right',
    (right) => ({ 'x-csrf-token': 'no', 'x-xsrf-token': right }),
    'csrf_invalid',
  ],
  [
    'X-CSRF-Token empty, X-XSRF-TOKEN right',
    (right) => ({ 'x-csrf-token': '', 'x-xsrf-token': right }),
    'csrf_missing',
  ],
  ['under an underscore', (right) => ({ x_csrf_token: right }), 'csrf_missing'],
]

test('csrf › which header counts › X-CSRF-Token before X-XSRF-TOKEN', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  const { 'x-csrf-token': right = '' } = await user.csrf()
  for (const [name, headers, expected] of headerCases)
    await t.test(name, async () => {
      const answer = await user.call('/api/x', { method: 'POST', headers: headers(right) })
      assert.equal(answer.status === 200 ? 'ok' : answer.json()['code'], expected)
    })
})

test('csrf › the XSRF-TOKEN cookie sent back as X-XSRF-TOKEN › passes, as axios and Angular do it', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  const cookie = user.cookies().get('XSRF-TOKEN')?.value ?? ''
  const headers = { 'x-xsrf-token': cookie }
  assert.equal((await user.call('/api/x', { method: 'POST', headers })).status, 200)
})

test("csrf › one session's token with another's cookie (BBA-6.1.3.3.3-a) › csrf_invalid", async (t) => {
  const world = await startWorld(t)
  const [mine, other] = [await world.loggedIn(), await world.loggedIn()]
  const answer = await mine.call('/api/x', { method: 'POST', headers: await other.csrf() })
  assert.equal(answer.json()['code'], 'csrf_invalid')
  assert.equal(world.upstream.seen.length, 0)
})

test('csrf › a route with csrf: false › needs no token, and is closed to other sites all the same', async (t) => {
  const world = await startWorld(t, {
    routes: (upstream) => [route('/api/hook', upstream.origin, { csrf: false })],
  })
  const user = await world.loggedIn()
  const cookie = user.cookieHeader()
  const url = `${world.origin}/api/hook`
  assert.equal((await send(url, { method: 'POST', headers: { cookie } })).status, 200)
  const headers = { cookie, 'sec-fetch-site': 'cross-site' }
  const answer = await send(url, { method: 'POST', headers })
  assert.equal(answer.json()['code'], 'cross_site')
})
