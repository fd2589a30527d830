import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { BrokerError } from '../../server/core/errors.ts'
import { memoryBackend } from '../../server/session/memory-backend.ts'
import type { Pair } from '../support/raw.ts'
import { codeOf, openDoor, parseAnswer, rawExchange, requestText } from '../support/raw.ts'
import { route, startWorld, testClock } from '../support/world.ts'

/** The contract's order: each fault with the code it is refused by. */
const order = [
  ['host', 421, 'unknown_host'],
  ['path', 400, 'invalid_path'],
  ['method', 405, 'method_not_allowed'],
  ['site', 403, 'cross_site'],
  ['store', 503, 'store_unavailable'],
  ['session', 401, 'session_revoked'],
  ['csrf', 403, 'csrf_missing'],
  ['size', 413, 'body_too_large'],
  ['token', 503, 'idp_unavailable'],
  ['upstream', 502, 'upstream_unreachable'],
] as const

type Fault = (typeof order)[number][0]

const setUp = async (t: TestContext) => {
  const memory = memoryBackend({ clock: testClock() })
  const state = { storeDown: false }
  const backend: typeof memory = {
    ...memory,
    read: (...call) =>
      state.storeDown
        ? Promise.reject(new BrokerError('store_unavailable', { retryAfterSeconds: 1 }))
        : memory.read(...call),
  }
  const narrow = { methods: ['GET', 'POST'], bodyLimitBytes: 10 }
  const world = await startWorld(t, {
    backend,
    routes: (upstream) => [
      route('/api/good', upstream.origin, narrow),
      route('/api/dead', 'http://127.0.0.1:1', narrow),
    ],
  })
  // No access token lives: each admitted call needs the token endpoint.
  world.issuer.script.accessTokenSeconds = 0
  const door = await openDoor(t, world)
  const live = await world.loggedIn()
  const csrf = Object.entries(await live.csrf())
  const over = await world.loggedIn()
  const overCookie = over.cookieHeader()
  await over.call('/logout', { method: 'POST', headers: await over.csrf() })
  return { world, door, state, csrf, cookies: { live: live.cookieHeader(), over: overCookie } }
}

type Rig = Awaited<ReturnType<typeof setUp>>

/** One call with exactly these faults. */
const callWith = async (t: TestContext, rig: Rig, faults: ReadonlySet<Fault>) => {
  const { world, door, state, csrf, cookies } = rig
  state.storeDown = faults.has('store')
  world.issuer.script.interceptToken = (_request, res) => {
    if (faults.has('token')) res.writeHead(503).end()
    return faults.has('token')
  }
  const body = faults.has('size') ? 'more than ten bytes' : 'ten'
  const headers: readonly Pair[] = [
    ['Host', faults.has('host') ? 'evil.test' : door.host],
    ['Connection', 'close'],
    ['Sec-Fetch-Site', faults.has('site') ? 'cross-site' : 'same-origin'],
    ['Cookie', faults.has('session') ? cookies.over : cookies.live],
    ...(faults.has('csrf') ? [] : csrf),
    ['Content-Length', String(body.length)],
  ]
  const prefix = faults.has('upstream') ? '/api/dead' : '/api/good'
  const path = faults.has('path') ? `${prefix}/%2e%2e/x` : `${prefix}/x`
  const start = `${faults.has('method') ? 'PUT' : 'POST'} ${path}`
  return parseAnswer(await rawExchange(t, door.port, requestText(start, headers, body)))
}

test('refusals › no fault › the call passes', async (t) => {
  const rig = await setUp(t)
  assert.equal((await callWith(t, rig, new Set())).status, 200)
  assert.equal(rig.world.upstream.last().body, 'ten')
})

test('refusals › two neighbouring faults, and all that follow › the earlier one answers', async (t) => {
  const rig = await setUp(t)
  for (const [index, [fault, status, code]] of order.entries())
    for (const count of [1, 2, order.length]) {
      const faults = new Set(order.slice(index, index + count).map(([name]) => name))
      await t.test(`${[...faults].join(' + ')} › ${code}`, async () => {
        const answer = await callWith(t, rig, faults)
        assert.equal(answer.status, status, `${fault}: ${answer.body}`)
        assert.equal(codeOf(answer.body), code)
        assert.equal(answer.header('cache-control'), 'no-store')
        assert.equal(rig.world.upstream.seen.length, 0)
      })
    }
})

test('refusals › a wrong token and a body too large › csrf_invalid', async (t) => {
  const rig = await setUp(t)
  const answer = await callWith(
    t,
    { ...rig, csrf: [['X-CSRF-Token', 'wrong']] },
    new Set<Fault>(['size']),
  )
  assert.equal(answer.status, 403)
  assert.equal(codeOf(answer.body), 'csrf_invalid')
  assert.equal(rig.world.upstream.seen.length, 0)
})

test('refusals › each 503 (store, provider) › says when to try again', async (t) => {
  const rig = await setUp(t)
  for (const fault of ['store', 'token'] as const)
    assert.match((await callWith(t, rig, new Set([fault]))).header('retry-after') ?? '', /^\d+$/)
})

test('refusals › the method (BBA-6.1.3.6-c, HTTP-15.5.6-a) › 405 lists what is allowed', async (t) => {
  const rig = await setUp(t)
  const answer = await callWith(t, rig, new Set<Fault>(['method']))
  assert.equal(answer.header('allow'), 'GET, POST')
})

test('refusals › TRACE, TRACK, CONNECT (HTTP-9.3.8-a) › refused, upstream silent', async (t) => {
  const { world, door, cookies, csrf } = await setUp(t)
  const headers: readonly Pair[] = [
    ['Cookie', cookies.live],
    ['Sec-Fetch-Site', 'same-origin'],
    ...csrf,
  ]
  assert.equal((await door.ask('TRACE /api/x', headers)).status, 405)
  // Node's parser knows no TRACK, and hands CONNECT to nobody.
  assert.ok((await door.ask('TRACK /api/x', headers)).status >= 400)
  assert.equal(await door.exchange('CONNECT evil.test:443', headers), '')
  assert.equal(world.upstream.seen.length, 0)
})
