import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import type { Route } from '../../server/config/config.ts'
import { capturedLog } from '../support/captured-log.ts'
import { startHttpUpstream } from '../support/http-upstream.ts'
import { startRawUpstream } from '../support/raw.ts'
import { listen, route, startWorld } from '../support/world.ts'

/** A port that nobody listens on, until the test starts somebody there. */
const startLater = async (t: TestContext) => {
  const server = createServer((_req, res) => void res.end('late'))
  const port = await listen(server)
  server.close()
  await once(server, 'close')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const start = () => new Promise<void>((resolve) => server.listen(port, 'localhost', resolve))
  return { origin: `http://localhost:${port}`, start }
}

const setUp = async (t: TestContext, upstreams: readonly string[], over: Partial<Route> = {}) => {
  const log = capturedLog()
  const [first = ''] = upstreams
  const both = { upstreams, ...over }
  const world = await startWorld(t, {
    log: log.log,
    routes: () => [route('/api/x', first, both), route('/api/y', first, both)],
  })
  const user = await world.loggedIn()
  const csrf = await user.csrf()
  const texts = async (count: number, path = '/api/x', method = 'GET') => {
    const found: string[] = []
    for (let calls = 0; calls < count; calls += 1) {
      const answer = await user.call(path, { method, headers: csrf })
      found.push(answer.status === 200 ? answer.text : String(answer.status))
    }
    return found
  }
  return { world, user, texts, log }
}

const steady = (t: TestContext) => startHttpUpstream(t, (_req, res) => res.end('steady'))

test(
  'upstreams › one is down, then comes back (MSG-9.3.1-a) › no GET fails, and it serves again',
  { timeout: 30_000 },
  async (t) => {
    const later = await startLater(t)
    const { world, texts, log } = await setUp(t, [later.origin, (await steady(t)).origin])
    assert.deepEqual(await texts(4), Array(4).fill('steady'))
    await later.start()
    world.clock.advance(1)
    const after = await texts(6)
    assert.deepEqual([...after].sort(), ['late', 'late', 'late', 'steady', 'steady', 'steady'])
    const told = log.text().match(/upstream (?:does not connect|is back)/g)
    assert.deepEqual(told, ['upstream does not connect', 'upstream is back'])
  },
)

test(
  'upstreams › found down by another route › passed over at once, even by a POST',
  { timeout: 30_000 },
  async (t) => {
    const { origin } = await startLater(t)
    const { texts } = await setUp(t, [origin, (await steady(t)).origin])
    assert.deepEqual(await texts(1, '/api/y'), ['steady'])
    assert.deepEqual(await texts(3, '/api/x', 'POST'), Array(3).fill('steady'))
  },
)

test(
  'upstreams › one cuts every connection before it answers › passed over after the first',
  { timeout: 30_000 },
  async (t) => {
    const cutting = await startRawUpstream(t, (socket) => socket.resetAndDestroy())
    const { texts } = await setUp(t, [cutting.origin, (await steady(t)).origin])
    assert.deepEqual(await texts(4), Array(4).fill('steady'))
    assert.equal(cutting.connections.length, 1)
  },
)

test(
  'upstreams › all are down (HTTP-15.6.3-a) › 502 at once, one after the other, until one is back',
  { timeout: 30_000 },
  async (t) => {
    const [one, other] = [await startLater(t), await startLater(t)]
    const { texts } = await setUp(t, [one.origin, other.origin])
    assert.deepEqual(await texts(4), Array(4).fill('502'))
    await one.start()
    assert.deepEqual(await texts(3), Array(3).fill('late'))
  },
)

test(
  'upstreams › a WebSocket meets one that is down › the next one does not',
  { timeout: 30_000 },
  async (t) => {
    const { origin } = await startLater(t)
    const { world, user, texts } = await setUp(t, [origin, (await steady(t)).origin], {
      websocket: true,
    })
    const headers = { cookie: user.cookieHeader(), origin: world.origin }
    const ws = new WebSocket(`${world.origin.replace('http', 'ws')}/api/x`, { headers })
    ws.on('error', () => undefined)
    await once(ws, 'unexpected-response')
    assert.deepEqual(await texts(2, '/api/x', 'POST'), ['steady', 'steady'])
  },
)
