import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import type { Browser } from '../support/browser.ts'
import { eventually, openDoor, parseAnswer, requestText } from '../support/raw.ts'
import type { World } from '../support/world.ts'
import { route, startWorld } from '../support/world.ts'

const setUp = async (t: TestContext) => {
  const world = await startWorld(t, {
    routes: ({ origin }) => [
      route('/api/plain', origin),
      route('/api/shared', origin, { websocket: true, cors: ['https://partner.example'] }),
      route('/api/dead', 'http://127.0.0.1:1', { websocket: true }),
      route('/api/patient', origin, {
        websocket: true,
        stripPrefix: '/api',
        timeoutMs: { connect: 200, firstByte: 200, idle: 200 },
      }),
    ],
  })
  const echo = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 * 1024 })
  const opened: WebSocket[] = []
  world.upstream.upgradeWith((req, socket, head) => {
    echo.handleUpgrade(req, socket, head, (ws) => {
      opened.push(ws)
      ws.on('message', (data, isBinary) => ws.send(data, { binary: isBinary }))
      ws.on('error', () => undefined)
    })
  })
  t.after(() => opened.forEach((ws) => ws.terminate()))
  return { world, user: await world.loggedIn(), opened }
}

type Handshake = { readonly path?: string; readonly cookie?: string; readonly origin?: string }

const dial = (t: TestContext, world: World, user: Browser, over: Handshake = {}) => {
  const { path = '/api/ws?a=%2F', cookie = user.cookieHeader(), origin = world.origin } = over
  const headers = {
    ...(cookie !== '' && { cookie }),
    ...(origin !== '' && { origin }),
    authorization: 'Bearer own',
    'x-user-id': '1',
  }
  const ws = new WebSocket(`${world.origin.replace('http', 'ws')}${path}`, ['chat'], { headers })
  t.after(() => ws.terminate())
  return ws
}

const refusalOf = async (ws: WebSocket) => {
  ws.on('error', () => undefined)
  const [, answer] = (await once(ws, 'unexpected-response')) as [
    unknown,
    AsyncIterable<Buffer> & { statusCode: number; headers: Record<string, string> },
  ]
  let text = ''
  for await (const chunk of answer) text += chunk.toString()
  return { status: answer.statusCode, headers: answer.headers, problem: JSON.parse(text) as object }
}

test('websocket › the own origin (V4.4.1-V4.4.4) › opens with the token and without the cookie', async (t) => {
  const { world, user } = await setUp(t)
  const ws = dial(t, world, user)
  await once(ws, 'open')
  assert.equal(ws.protocol, 'chat')
  const { headers, url } = world.upstream.last()
  assert.equal(url, '/api/ws?a=%2F')
  assert.match(headers.authorization ?? '', /^Bearer at-/)
  assert.equal(headers.cookie, undefined)
  assert.equal(headers['x-user-id'], undefined)
  assert.equal(headers['x-forwarded-host'], new URL(world.origin).host)
})

const refusals: readonly (readonly [string, Handshake, number, string])[] = [
  ['a foreign Origin (R25)', { origin: 'https://evil.test' }, 403, 'cross_site'],
  ['Origin: null', { origin: 'null' }, 403, 'cross_site'],
  ['no Origin', { origin: '' }, 403, 'csrf_missing'],
  ['no session', { cookie: '' }, 401, 'login_required'],
  ['no session, foreign Origin', { cookie: '', origin: 'https://evil.test' }, 403, 'cross_site'],
  ['no session, no Origin', { cookie: '', origin: '' }, 401, 'login_required'],
  ['a route without websocket', { path: '/api/plain' }, 404, 'no_route'],
  ['no route', { path: '/other' }, 404, 'no_route'],
  ['a path that is not canonical', { path: '/api/ws/%2fx' }, 400, 'invalid_path'],
  ['an upstream that is not there', { path: '/api/dead' }, 502, 'upstream_unreachable'],
]

test('websocket › a fault › one refusal in HTTP, upstream silent', async (t) => {
  const { world, user, opened } = await setUp(t)
  for (const [name, handshake, status, code] of refusals)
    await t.test(`${name} › ${status} ${code}`, async () => {
      const refusal = await refusalOf(dial(t, world, user, handshake))
      assert.equal(refusal.status, status)
      assert.equal('code' in refusal.problem && refusal.problem.code, code)
      assert.equal(opened.length, 0)
    })
})

test('websocket › a listed origin › opens', async (t) => {
  const { world, user } = await setUp(t)
  const ws = dial(t, world, user, { path: '/api/shared', origin: 'https://partner.example' })
  await once(ws, 'open')
})

test('websocket › an upstream that refuses the upgrade › 502', async (t) => {
  const { world, user } = await setUp(t)
  for (const answer of ['HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n', '']) {
    world.upstream.upgradeWith((_req, socket) => socket.end(answer))
    assert.equal((await refusalOf(dial(t, world, user))).status, 502)
  }
})

test('websocket › an upstream that does not answer the upgrade › 504', async (t) => {
  const { world, user } = await setUp(t)
  world.upstream.upgradeWith(() => undefined)
  assert.equal((await refusalOf(dial(t, world, user, { path: '/api/patient' }))).status, 504)
})

test('websocket › data › passes both ways, small and large, in order', async (t) => {
  const { world, user } = await setUp(t)
  const ws = dial(t, world, user)
  await once(ws, 'open')
  const big = randomBytes(8 * 1024 * 1024)
  const received: Buffer[] = []
  ws.on('message', (data: Buffer) => received.push(data))
  for (const message of [Buffer.from('a'), big, Buffer.alloc(0), Buffer.from('z')]) ws.send(message)
  await eventually('four messages came back', () => received.length === 4)
  assert.deepEqual(
    received.map(({ length }) => length),
    [1, big.length, 0, 1],
  )
  assert.ok(received[1]?.equals(big))
})

test('websocket › quiet for longer than the timeouts of its route › stays open', async (t) => {
  const { world, user } = await setUp(t)
  const ws = dial(t, world, user, { path: '/api/patient' })
  await once(ws, 'open')
  assert.equal(world.upstream.last().url, '/patient')
  await new Promise((resolve) => setTimeout(resolve, 600))
  ws.send('still there')
  const [data] = (await once(ws, 'message')) as [Buffer]
  assert.equal(data.toString(), 'still there')
})

test('websocket › bytes that come with the handshake › reach the upstream', async (t) => {
  const { world, user, opened } = await setUp(t)
  const { connect } = await import('node:net')
  const socket = connect(Number(new URL(world.origin).port), 'localhost')
  t.after(() => socket.destroy())
  const head = requestText('GET /api/ws', [
    ['Host', new URL(world.origin).host],
    ['Origin', world.origin],
    ['Cookie', user.cookieHeader()],
    ['Connection', 'Upgrade'],
    ['Upgrade', 'websocket'],
    ['Sec-WebSocket-Version', '13'],
    ['Sec-WebSocket-Key', randomBytes(16).toString('base64')],
  ])
  // One masked text frame "hi" under the mask 0.
  socket.write(
    Buffer.concat([Buffer.from(head), Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69])]),
  )
  let text = ''
  socket.on('data', (chunk) => (text += chunk.toString('latin1')))
  await eventually('the echo came back', () => text.endsWith('\u0081\u0002hi'))
  assert.equal(parseAnswer(text).status, 101)
  assert.equal(opened.length, 1)
})

test('websocket › the browser ends it › the upstream end closes', async (t) => {
  const { world, user, opened } = await setUp(t)
  for (const end of ['close', 'terminate'] as const) {
    const ws = dial(t, world, user)
    await once(ws, 'open')
    ws[end]()
    await eventually(`upstream closed after ${end}`, () => opened.at(-1)?.readyState === 3)
  }
})

test('websocket › the upstream ends it › the browser end closes', async (t) => {
  const { world, user, opened } = await setUp(t)
  for (const [end, expected] of [
    ['close', 4000],
    ['terminate', 1006],
  ] as const) {
    const ws = dial(t, world, user)
    await once(ws, 'open')
    await eventually('the upstream end is open', () => opened.at(-1)?.readyState === 1)
    if (end === 'close') opened.at(-1)?.close(4000, 'done')
    else opened.at(-1)?.terminate()
    const [code] = (await once(ws, 'close')) as [number]
    assert.equal(code, expected)
  }
})

test('websocket › broker.close() › ends both ends of all of them', async (t) => {
  const { world, user, opened } = await setUp(t)
  const all = [dial(t, world, user), dial(t, world, user)]
  await Promise.all(all.map((ws) => once(ws, 'open')))
  const ended = Promise.all(all.map((ws) => once(ws, 'close')))
  await world.broker.close()
  await ended
  await eventually('upstream ends closed', () => opened.every((ws) => ws.readyState === 3))
})

test('websocket › another upgrade on a websocket route (HTTP-7.8-a) › answered as a plain call', async (t) => {
  const { world, user } = await setUp(t)
  const door = await openDoor(t, world)
  const answer = await door.ask('GET /api/ws', [
    ['Cookie', user.cookieHeader()],
    ['Sec-Fetch-Site', 'same-origin'],
    ['Upgrade', 'tls/1.0'],
  ])
  assert.equal(answer.status, 200)
  assert.equal(world.upstream.last().headers.upgrade, undefined)
})
