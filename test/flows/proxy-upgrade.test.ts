import assert from 'node:assert/strict'
import { once } from 'node:events'
import process from 'node:process'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { capturedLog } from '../support/captured-log.ts'
import { gate } from '../support/gate.ts'
import {
  codeOf,
  eventually,
  openRaw,
  parseAnswer,
  requestText,
  upgradePairs,
} from '../support/raw.ts'
import type { Pair } from '../support/raw.ts'
import { startWorld } from '../support/world.ts'

const setUp = async (t: TestContext) => {
  const log = capturedLog()
  const world = await startWorld(t, { log: log.log })
  const peers = new WebSocketServer({ noServer: true })
  world.upstream.upgradeWith((req, socket, head) => {
    peers.handleUpgrade(req, socket, head, (ws) => ws.on('message', (data) => ws.send(data)))
  })
  t.after(() => peers.clients.forEach((ws) => ws.terminate()))
  const user = await world.loggedIn()
  const headers = { cookie: user.cookieHeader(), origin: world.origin }
  const dial = (path = '/api/ws') => {
    const ws = new WebSocket(`${world.origin.replace('http', 'ws')}${path}`, { headers })
    t.after(() => ws.terminate())
    return ws
  }
  const { port } = new URL(world.origin)
  const own = upgradePairs(world.origin, user)
  const ask = async (start: string, more: readonly Pair[], body = '') => {
    const raw = await openRaw(t, Number(port))
    raw.socket.write(requestText(start, [...own, ...more], body))
    return raw
  }
  return { world, user, log, dial, ask }
}

const refused: readonly (readonly [name: string, start: string, more: readonly Pair[], status: number, code: string])[] = [
  ['a body', 'GET /api/ws', [['Content-Length', '5']], 400, 'invalid_request'],
  ['chunks', 'GET /api/ws', [['Transfer-Encoding', 'chunked']], 400, 'invalid_request'],
  ['POST', 'POST /api/ws', [], 405, 'method_not_allowed'],
  ['PUT and a body', 'PUT /api/ws', [['Content-Length', '5']], 400, 'invalid_request'],
] // prettier-ignore

for (const [name, start, more, status, code] of refused)
  test(`upgrade › with ${name} › ${status} ${code}, upstream silent, connection closed`, async (t) => {
    const { world, ask } = await setUp(t)
    const smuggled = 'GET /api/admin HTTP/1.1\r\nHost: x\r\n\r\n'
    const { closed, text } = await ask(start, more, smuggled)
    await closed
    const answer = parseAnswer(text())
    assert.equal(answer.status, status)
    assert.equal(codeOf(answer.body), code)
    assert.equal(text().match(/HTTP\/1\.1 \d/g)?.length, 1)
    assert.equal(world.upstream.seen.length, 0)
  })

test('upgrade › Content-Length: 0 › opens, and says nothing of a length to the upstream', async (t) => {
  const { world, ask } = await setUp(t)
  const { until } = await ask('GET /api/ws', [['Content-Length', '0']])
  assert.match(await until(/\r\n\r\n/), /^HTTP\/1\.1 101 /)
  const { headers } = world.upstream.last()
  assert.equal(headers['content-length'], undefined)
  assert.match(headers.authorization ?? '', /^Bearer at-/)
})

test('upgrade › many sockets › no warning of the runtime', async (t) => {
  const warnings: string[] = []
  const note = ({ message }: Error) => void warnings.push(message)
  process.on('warning', note)
  t.after(() => process.off('warning', note))
  const { dial } = await setUp(t)
  for (let sockets = 0; sockets < 3; sockets += 1) {
    const ws = dial()
    await once(ws, 'open')
    ws.send('x')
    await once(ws, 'message')
    ws.close()
    await once(ws, 'close')
  }
  // Warnings come a turn later.
  await new Promise((resolve) => setTimeout(resolve, 20))
  assert.deepEqual(warnings, [])
})

test('upgrade › in the access log › one line when it closes, with its status and no query', async (t) => {
  const { log, dial } = await setUp(t)
  const lines = () =>
    log
      .text()
      .split('\n')
      .filter((line) => line.includes('"msg":"request"') && line.includes('/api/ws'))
  const ws = dial('/api/ws?code=secret')
  await once(ws, 'open')
  assert.equal(lines().length, 0)
  ws.close()
  await eventually('the line is there', () => lines().length === 1)
  const { method, path, status, duration_ms: durationMs, cut } = JSON.parse(lines()[0] ?? '') as Record<string, unknown> // prettier-ignore
  assert.deepEqual([method, path, status, cut], ['GET', '/api/ws', 101, undefined])
  assert.equal(typeof durationMs, 'number')
  assert.ok(!log.text().includes('secret'))
})

test('upgrade › refused › its access log line has the status of the refusal', async (t) => {
  const { log, ask } = await setUp(t)
  for (const [path, status] of [
    ['/other', 404],
    ['/api/%2fx', 400],
  ] as const) {
    await (
      await ask(`GET ${path}`, [])
    ).closed
    const line = new RegExp(`"path":"${path}","status":${status},`)
    await eventually(`${path} is logged`, () => line.test(log.text()))
  }
})

/** Less than the 60 s that a grant may take. */
const patience = { timeout: 20_000 }

test(
  'broker.close() › a refresh hangs › open sockets end at once all the same',
  patience,
  async (t) => {
    const { world, user, dial } = await setUp(t)
    const ws = dial()
    await once(ws, 'open')
    const grant = gate<false>()
    world.issuer.script.interceptToken = () => grant.promise
    world.clock.advance(290)
    // Served with the old token, while its refresh hangs.
    assert.equal((await user.call('/api/x')).status, 200)
    await eventually('the refresh hangs', () => world.issuer.grants('refresh_token') === 1)
    const ended = once(ws, 'close')
    const closed = world.broker.close()
    await ended
    grant.resolve(false)
    await closed
  },
)

test('upgrade › after broker.close() › no socket opens', async (t) => {
  const { world, ask } = await setUp(t)
  await world.broker.close()
  const { closed, text } = await ask('GET /api/ws', [])
  await closed
  assert.doesNotMatch(text(), / 101 /)
  assert.equal(world.upstream.seen.length, 0)
})
