import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Route } from '../../server/config/config.ts'
import { openDoor } from '../support/raw.ts'
import { route, startWorld } from '../support/world.ts'

const open: Partial<Route> = { public: true, token: 'none', websocket: true }

/** A broker whose routes lead to itself, and one route that leads to the upstream. */
const startLoop = async (t: TestContext) => {
  const ends: string[] = []
  const world = await startWorld(t, {
    config: (config) => ({
      ...config,
      routes: [
        route('/api/open', config.origin, open),
        route('/api/closed', config.origin),
        route('/api/chained', config.origin, { ...open, stripPrefix: '/api/chained' }),
        ...config.routes,
      ],
    }),
  })
  world.server.on('request', (req: IncomingMessage) => ends.push(req.url ?? ''))
  return { world, ends, user: await world.loggedIn() }
}

for (const path of ['/api/open', '/api/closed', '/api/chained/api/open'])
  test(
    `loop › ${path} leads back to the broker (HTTP-7.6-a) › 502 after one round`,
    { timeout: 30_000 },
    async (t) => {
      const { ends, user } = await startLoop(t)
      ends.length = 0
      const answer = await user.call(path)
      assert.equal(answer.status, 502, answer.text)
      assert.equal(answer.json()['code'], 'upstream_unreachable')
      assert.equal(ends.length, 2)
    },
  )

test(
  'loop › a WebSocket that leads back to the broker (HTTP-7.6-a) › 502 after one round',
  { timeout: 30_000 },
  async (t) => {
    const { world, user } = await startLoop(t)
    const headers = { cookie: user.cookieHeader(), origin: world.origin }
    const ws = new WebSocket(`${world.origin.replace('http', 'ws')}/api/open`, { headers })
    ws.on('error', () => undefined)
    const [, answer] = (await once(ws, 'unexpected-response')) as [unknown, IncomingMessage]
    assert.equal(answer.statusCode, 502)
  },
)

test(
  'loop › a second broker with another BASE_URL in the chain (HTTP-7.6-a, HTTP-7.6.3-a) › both pass it on, each with its name',
  { timeout: 30_000 },
  async (t) => {
    const inner = await startWorld(t, { routes: ({ origin }) => [route('/api/x', origin, open)] })
    const outer = await startWorld(t, { routes: () => [route('/api/x', inner.origin, open)] })
    const answer = await (await outer.loggedIn()).call('/api/x')
    assert.equal(answer.status, 200, answer.text)
    const via = inner.upstream.last().headers.via ?? ''
    const [, first, second] = /^1\.1 (latchkey-\w{8}), 1\.1 (latchkey-\w{8})$/.exec(via) ?? []
    assert.ok(first !== undefined && second !== undefined && first !== second, via)
  },
)

const setUp = async (t: TestContext) => {
  const world = await startWorld(t, {
    routes: ({ origin }) => [
      route('/api/some', origin, { methods: ['GET', 'OPTIONS'] }),
      route('/api/none', origin, { methods: ['GET'] }),
    ],
  })
  const door = await openDoor(t, world)
  const user = await world.loggedIn()
  const ask = (start: string, maxForwards: string) =>
    door.ask(start, [
      ['Cookie', user.cookieHeader()],
      ['Sec-Fetch-Site', 'same-origin'],
      ['Max-Forwards', maxForwards],
    ])
  return { world, ask }
}

test(
  'Max-Forwards › 0 with OPTIONS (HTTP-7.6.2-a) › answered here with the methods of the route',
  { timeout: 30_000 },
  async (t) => {
    const { world, ask } = await setUp(t)
    const all = await ask('OPTIONS /api/x', '0')
    assert.equal(all.status, 204)
    assert.equal(all.header('allow'), 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS')
    assert.equal(all.header('cache-control'), 'no-store')
    assert.equal((await ask('OPTIONS /api/some', '0')).header('allow'), 'GET, OPTIONS')
    assert.equal((await ask('OPTIONS /api/none', '0')).status, 405)
    assert.equal(world.upstream.seen.length, 0)
  },
)

test(
  'Max-Forwards › more than 0 with OPTIONS (HTTP-7.6.2-a) › one less',
  { timeout: 30_000 },
  async (t) => {
    const { world, ask } = await setUp(t)
    assert.equal((await ask('OPTIONS /api/x', '3')).status, 200)
    assert.equal(world.upstream.last().headers['max-forwards'], '2')
  },
)

test(
  'Max-Forwards › another method (HTTP-7.6.2-a) › passes as it came',
  { timeout: 30_000 },
  async (t) => {
    const { world, ask } = await setUp(t)
    for (const count of ['0', '3']) {
      assert.equal((await ask('GET /api/x', count)).status, 200)
      assert.equal(world.upstream.last().headers['max-forwards'], count)
    }
  },
)
