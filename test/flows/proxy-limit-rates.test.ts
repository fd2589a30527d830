import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import type { Route } from '../../server/config/config.ts'
import type { Answer } from '../support/browser.ts'
import { openCall } from '../support/http-upstream.ts'
import { eventually } from '../support/raw.ts'
import type { WorldOptions } from '../support/world.ts'
import { route, startWorld } from '../support/world.ts'

const limits = (over: NonNullable<Route['limits']>): Partial<Route> => ({ limits: over })
const perMinute = (calls: number) => limits({ rate: { calls, seconds: 60 } })
const open: Partial<Route> = { public: true, token: 'none' }

const setUp = async (t: TestContext, over: Partial<Route>, options: WorldOptions = {}) => {
  const world = await startWorld(t, {
    ...options,
    routes: ({ origin }) => [route('/api/x', origin, over), route('/api/y', origin, over)],
  })
  return { world, user: await world.loggedIn() }
}

const assertRefused = (answer: Answer): void => {
  assert.equal(answer.status, 429)
  assert.equal(answer.json()['code'], 'too_many_requests')
}

test(
  'limits.rate › one call more than it allows › 429 with Retry-After, upstream silent',
  { timeout: 30_000 },
  async (t) => {
    const { world, user } = await setUp(t, perMinute(2))
    assert.equal((await user.call('/api/x')).status, 200)
    assert.equal((await user.call('/api/x')).status, 200)
    const third = await user.call('/api/x')
    assertRefused(third)
    const retryAfter = Number(third.headers['retry-after'])
    assert.ok(retryAfter >= 1 && retryAfter <= 60, String(retryAfter))
    assert.equal(third.headers['cache-control'], 'no-store')
    assert.equal(world.upstream.seen.length, 2)
  },
)

test(
  'limits.rate › another session, and another route › have counts of their own',
  { timeout: 30_000 },
  async (t) => {
    const { world, user } = await setUp(t, perMinute(1))
    assert.equal((await user.call('/api/x')).status, 200)
    assert.equal((await user.call('/api/x')).status, 429)
    assert.equal((await user.call('/api/y')).status, 200)
    assert.equal((await (await world.loggedIn()).call('/api/x')).status, 200)
  },
)

test('limits.rate › the time is over › calls pass again', { timeout: 30_000 }, async (t) => {
  const { user } = await setUp(t, limits({ rate: { calls: 1, seconds: 1 } }))
  assert.equal((await user.call('/api/x')).status, 200)
  const refused = await user.call('/api/x')
  assert.equal(refused.status, 429)
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  assert.equal((await user.call('/api/x')).status, 200)
})

test('limits.rate › a refused call › is not counted', { timeout: 30_000 }, async (t) => {
  const { user } = await setUp(t, perMinute(1))
  for (let calls = 0; calls < 3; calls += 1)
    assert.equal((await user.call('/api/x', { method: 'POST' })).status, 403)
  assert.equal((await user.call('/api/x')).status, 200)
})

test(
  'limits.rate › no session on a public route › counted by the address that TRUST_PROXY shows (FWD-a)',
  { timeout: 30_000 },
  async (t) => {
    const { world } = await setUp(
      t,
      { ...open, ...perMinute(1) },
      { config: (config) => ({ ...config, trustProxy: 1 }) },
    )
    const from = async (address: string) => {
      const headers = { 'x-forwarded-for': address }
      return (await world.newBrowser().call('/api/x', { headers })).status
    }
    assert.equal(await from('192.0.2.1'), 200)
    assert.equal(await from('192.0.2.1'), 429)
    assert.equal(await from('192.0.2.2'), 200)
    assert.equal(await from('2001:db8:1:2::1'), 200)
    assert.equal(await from('2001:db8:1:2:ffff::9'), 429)
    assert.equal(await from('2001:db8:1:3::1'), 200)
  },
)

test(
  'limits.rate › a call too large as well › 413 first, and a refusal of the token last',
  { timeout: 30_000 },
  async (t) => {
    const { world, user } = await setUp(t, { ...perMinute(1), bodyLimitBytes: 1 })
    const csrf = await user.csrf()
    const post = (body: string) => user.call('/api/x', { method: 'POST', headers: csrf, body })
    assert.equal((await post('1')).status, 200)
    assert.equal((await post('22')).status, 413)
    world.issuer.script.interceptToken = (_request, res) => {
      res.writeHead(503).end()
      return true
    }
    world.clock.advance(600)
    assert.equal((await post('1')).status, 429)
  },
)

/** An upstream that answers when the test says so. */
const held = (t: TestContext, over: Partial<Route>) =>
  setUp(t, over).then(({ world, user }) => {
    const waiting: ServerResponse[] = []
    world.upstream.answerWith((_req: IncomingMessage, res) => waiting.push(res))
    const start = async () => {
      const call = await openCall(world, user, '/api/x')
      call.outgoing.on('error', () => undefined)
      call.outgoing.end()
      return call
    }
    return { world, user, waiting, start }
  })

test(
  'limits.concurrent › one call more at once › 429, until one has ended',
  { timeout: 30_000 },
  async (t) => {
    const { user, waiting, start, world } = await held(t, limits({ concurrent: 2 }))
    const calls = [await start(), await start()]
    await eventually('both arrive', () => waiting.length === 2)
    const third = await user.call('/api/x')
    assertRefused(third)
    assert.match(String(third.headers['retry-after']), /^[1-9]\d*$/)
    waiting.shift()?.end('first')
    const answer = await calls[0]?.answered
    answer?.resume()
    world.upstream.answerWith((_req, res) => res.end('third'))
    assert.equal((await user.call('/api/x')).text, 'third')
    assert.equal((await user.call('/api/x')).text, 'third')
  },
)

test(
  'limits.concurrent › refused calls and clients that go away › give their places back',
  { timeout: 30_000 },
  async (t) => {
    const { world, user, waiting, start } = await held(t, limits({ concurrent: 1 }))
    for (let calls = 1; calls <= 3; calls += 1) {
      const call = await start()
      await eventually('it arrives', () => waiting.length === calls)
      assert.equal((await user.call('/api/x')).status, 429)
      call.outgoing.destroy()
      await eventually('the upstream hears of it', () => waiting[calls - 1]?.destroyed === true)
    }
    world.issuer.script.interceptToken = (_request, res) => {
      res.writeHead(503).end()
      return true
    }
    world.clock.advance(600)
    for (let calls = 0; calls < 3; calls += 1) assert.equal((await user.call('/api/x')).status, 503)
  },
)

test('limits.concurrent › an open WebSocket › counts as a call', { timeout: 30_000 }, async (t) => {
  const { world, user } = await setUp(t, { websocket: true, ...limits({ concurrent: 1 }) })
  const server = new WebSocketServer({ noServer: true })
  world.upstream.upgradeWith((req, socket, head) =>
    server.handleUpgrade(req, socket, head, () => undefined),
  )
  t.after(() => server.clients.forEach((client) => client.terminate()))
  const dial = () => {
    const headers = { cookie: user.cookieHeader(), origin: world.origin }
    const ws = new WebSocket(`${world.origin.replace('http', 'ws')}/api/x`, { headers })
    ws.on('error', () => undefined)
    t.after(() => ws.terminate())
    return ws
  }
  const first = dial()
  await once(first, 'open')
  assertRefused(await user.call('/api/x'))
  const [, answer] = (await once(dial(), 'unexpected-response')) as [unknown, IncomingMessage]
  assert.equal(answer.statusCode, 429)
  first.close()
  await once(first, 'close')
  let status = 429
  for (let tries = 0; tries < 100 && status === 429; tries += 1)
    ({ status } = await user.call('/api/x'))
  assert.equal(status, 200)
})
