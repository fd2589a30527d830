import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import type { Route } from '../../server/config/config.ts'
import type { Certified } from '../support/certificates.ts'
import { certificateAuthority } from '../support/certificates.ts'
import { startRawUpstream } from '../support/raw.ts'
import { route, startWorld } from '../support/world.ts'

const ours = certificateAuthority()
const foreign = certificateAuthority('Foreign CA')

/** An upstream over TLS that answers calls with their protocol, and echoes WebSockets. */
const startTlsUpstream = async (t: TestContext, certified: Certified) => {
  const seen: string[] = []
  const server = createServer({ ...certified, ALPNProtocols: ['h2', 'http/1.1'] }, (req, res) => {
    seen.push(`${req.method ?? ''} ${req.url ?? ''}`)
    res.end(req.httpVersion)
  })
  const echo = new WebSocketServer({ noServer: true })
  server.on('upgrade', (req: IncomingMessage, socket, head) => {
    echo.handleUpgrade(req, socket, head, (ws) => ws.on('message', (data) => ws.send(data)))
  })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    echo.clients.forEach((ws) => ws.terminate())
    server.closeAllConnections()
    server.close()
  })
  // A listening TCP server has an address of this shape.
  return { seen, port: (server.address() as AddressInfo).port }
}

const setUp = async (t: TestContext, origin: string, over: Partial<Route>) => {
  const world = await startWorld(t, { routes: () => [route('/api/x', origin, over)] })
  return { world, user: await world.loggedIn() }
}

type Row = readonly [
  name: string,
  certified: Certified,
  host: string,
  ca: string | undefined,
  status: number,
]

const server = ours.serverFor('127.0.0.1')
const rows: readonly Row[] = [
  ['of the CA of the route, by address', server, '127.0.0.1', ours.ca, 200],
  ['of the CA of the route, by name', ours.serverFor('localhost'), 'localhost', ours.ca, 200],
  ['of one CA among several', server, '127.0.0.1', `${foreign.ca}${ours.ca}`, 200],
  ['of another CA', foreign.serverFor('127.0.0.1'), '127.0.0.1', ours.ca, 502],
  ['for another host', ours.serverFor('other.test'), '127.0.0.1', ours.ca, 502],
  ['of an own CA that the route does not name', server, '127.0.0.1', undefined, 502],
]

for (const [name, certified, host, ca, status] of rows)
  test(
    `tls.ca › a certificate ${name} (HTTP-15.6.3-a) › ${status}`,
    { timeout: 30_000 },
    async (t) => {
      const upstream = await startTlsUpstream(t, certified)
      const over: Partial<Route> = { websocket: true, tls: ca === undefined ? undefined : { ca } }
      const { world, user } = await setUp(t, `https://${host}:${upstream.port}`, over)
      const answer = await user.call('/api/x')
      assert.equal(answer.status, status, answer.text)
      if (status === 200) assert.equal(answer.text, '1.1')
      else assert.equal(answer.json()['code'], 'upstream_unreachable')
      assert.equal(upstream.seen.length, status === 200 ? 1 : 0)
      const headers = { cookie: user.cookieHeader(), origin: world.origin }
      const ws = new WebSocket(`${world.origin.replace('http', 'ws')}/api/x`, { headers })
      ws.on('error', () => undefined)
      t.after(() => ws.terminate())
      const opened = await Promise.race([
        once(ws, 'open').then(() => 200),
        once(ws, 'unexpected-response').then(
          ([, refusal]) => (refusal as IncomingMessage).statusCode,
        ),
      ])
      assert.equal(opened, status)
    },
  )

test(
  'tls.ca › two routes to one origin, one without the CA › its connections serve that route alone',
  { timeout: 30_000 },
  async (t) => {
    const upstream = await startTlsUpstream(t, server)
    const origin = `https://127.0.0.1:${upstream.port}`
    const world = await startWorld(t, {
      routes: () => [
        route('/api/with', origin, { tls: { ca: ours.ca } }),
        route('/api/without', origin),
      ],
    })
    const user = await world.loggedIn()
    assert.equal((await user.call('/api/with')).status, 200)
    assert.equal((await user.call('/api/without')).status, 502)
    assert.equal((await user.call('/api/with')).status, 200)
  },
)

const connectMs = 1_500
const late: Partial<Route> = {
  timeoutMs: { connect: connectMs, firstByte: 25_000, idle: 55_000 },
}

test(
  'timeout.connect › an upstream that never ends its handshake (HTTP-15.6.5-a) › 504 after that time, one attempt',
  { timeout: 30_000 },
  async (t) => {
    const silent = await startRawUpstream(t, () => undefined)
    const { user } = await setUp(t, silent.origin.replace('http', 'https'), late)
    const startedMs = performance.now()
    const answer = await user.call('/api/x')
    const tookMs = performance.now() - startedMs
    assert.equal(answer.status, 504)
    assert.equal(answer.json()['code'], 'upstream_timeout')
    assert.equal(silent.connections.length, 1)
    assert.ok(tookMs >= connectMs - 50 && tookMs < 2 * connectMs, `${tookMs} ms`)
  },
)

test(
  'timeout.connect › one of two upstreams never ends its handshake (HTTP-15.6.5-a) › waited for once, then passed over',
  { timeout: 30_000 },
  async (t) => {
    const silent = await startRawUpstream(t, () => undefined)
    const alive = await startTlsUpstream(t, server)
    const dead = silent.origin.replace('http', 'https')
    const upstreams = [dead, `https://127.0.0.1:${alive.port}`]
    const { user } = await setUp(t, dead, { ...late, upstreams, tls: { ca: ours.ca } })
    for (let calls = 0; calls < 3; calls += 1) assert.equal((await user.call('/api/x')).status, 200)
    assert.equal(silent.connections.length, 1)
    assert.equal(alive.seen.length, 3)
  },
)
