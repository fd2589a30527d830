import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { WebSocket } from 'ws'
import { closeFrame } from '../../server/proxy/frames.ts'
import { eventually, openRaw, requestText, upgradePairs } from '../support/raw.ts'
import { logOut, startStreams } from '../support/streams.ts'
import { startWorld } from '../support/world.ts'

const limit = { timeout: 30_000 }
const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex')

const closeOf = async (ws: WebSocket) => {
  const [code, reason] = (await once(ws, 'close')) as [number, Buffer]
  return [code, reason.toString()]
}

test(
  'websocket › messages of some MB, whole and in fragments › come back byte for byte',
  limit,
  async (t) => {
    const { openSocket } = await startStreams(t)
    const { ws } = await openSocket()
    const received: string[] = []
    ws.on('message', (data: Buffer) => received.push(sha256(data)))
    const whole = randomBytes(5 * 1024 * 1024 + 7)
    const parts = Array.from({ length: 40 }, (_, i) => randomBytes(1 + i * 7_001))
    ws.send(whole)
    for (const [i, part] of parts.entries()) {
      ws.send(part, { binary: true, fin: i === parts.length - 1 })
      // Control frames may come between fragments (RFC 6455 section 5.4).
      if (i % 10 === 3) ws.ping()
    }
    ws.send('end')
    await eventually('three messages', () => received.length === 3)
    const expected = [whole, Buffer.concat(parts), Buffer.from('end')].map(sha256)
    assert.deepEqual(received, expected)
  },
)

test('websocket › ping and pong › pass both ways', limit, async (t) => {
  const { openSocket, peers } = await startStreams(t)
  const { ws } = await openSocket()
  ws.ping('a')
  assert.equal(String((await once(ws, 'pong'))[0]), 'a')
  peers[0]?.ping('b')
  assert.equal(String((await once(ws, 'ping'))[0]), 'b')
})

test(
  'websocket › close codes › pass both ways, and stand when the session ends as well',
  limit,
  async (t) => {
    const { openSocket, peers, user } = await startStreams(t)
    const [first, second] = [await openSocket(), await openSocket()]
    const apiHears = closeOf(peers[0] ?? first.ws)
    first.ws.close(3001, 'mine')
    assert.deepEqual(await apiHears, [3001, 'mine'])
    peers[1]?.close(4000, 'theirs')
    await Promise.all([logOut(user), second.closed])
    const { code, reason } = await second.closed
    assert.deepEqual([code, reason], [4000, 'theirs'])
  },
)

/** An upstream that speaks bytes after the handshake, and a browser that reads them. */
const startBytes = async (t: TestContext) => {
  const world = await startWorld(t)
  const upgraded: Duplex[] = []
  world.upstream.upgradeWith((_req, socket) => {
    upgraded.push(socket)
    socket.on('error', () => socket.destroy())
    t.after(() => socket.destroy())
    const agree =
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
    socket.write(`${agree}Sec-WebSocket-Accept: x\r\n\r\n`)
  })
  const user = await world.loggedIn()
  const { port } = new URL(world.origin)
  const raw = await openRaw(t, Number(port))
  raw.socket.write(requestText('GET /api/ws', upgradePairs(world.origin, user)))
  await raw.until(/\r\n\r\n/)
  await sleep(300)
  const [upstream] = upgraded
  if (upstream === undefined) throw new Error('no upgrade came')
  const toApi: Buffer[] = []
  upstream.on('data', (chunk: Buffer) => toApi.push(chunk))
  /** What the browser got after the handshake. */
  const frames = () => Buffer.from(raw.text().replace(/^[^]*?\r\n\r\n/, ''), 'latin1')
  return { world, user, raw, upstream, frames, toApi: () => Buffer.concat(toApi) }
}

/** Sent by a server: not masked. */
const textFrame = (text: string) =>
  Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)])
const goodbye = closeFrame(4401, 'session_revoked')

test(
  'websocket › bytes one by one › each arrives, and the close frame stands between frames',
  limit,
  async (t) => {
    const { user, raw, upstream, frames } = await startBytes(t)
    const sent = Buffer.concat([textFrame('a'), textFrame('bc'), textFrame('')])
    for (const byte of sent) {
      upstream.write(Buffer.from([byte]))
      await sleep(2)
    }
    await eventually('all are there', () => frames().length === sent.length)
    await logOut(user)
    await raw.closed
    assert.deepEqual(frames(), Buffer.concat([sent, goodbye]))
  },
)

test(
  'websocket › session ends in the middle of a frame › the frame comes to its end, then the close frame, and nothing after',
  limit,
  async (t) => {
    const { user, raw, upstream, frames } = await startBytes(t)
    const frame = textFrame('to be finished')
    upstream.write(frame.subarray(0, 1))
    await eventually('the first byte is there', () => frames().length === 1)
    await logOut(user)
    await sleep(300)
    assert.equal(frames().length, 1)
    upstream.write(Buffer.concat([frame.subarray(1), textFrame('too late')]))
    await raw.closed
    assert.deepEqual(frames(), Buffer.concat([frame, goodbye]))
  },
)

test(
  'websocket › session ends in the middle of a frame that nobody finishes › cut within its second, no close frame inside',
  limit,
  async (t) => {
    const { user, raw, upstream, frames } = await startBytes(t)
    const half = textFrame('never finished').subarray(0, 9)
    upstream.write(half)
    await eventually('the half is there', () => frames().length === half.length)
    await logOut(user)
    const atMs = Date.now()
    await raw.closed
    const tookMs = Date.now() - atMs
    assert.ok(tookMs > 500 && tookMs < 2_500, `cut after ${tookMs} ms`)
    assert.deepEqual(frames(), half)
  },
)

test(
  'websocket › session ends in the middle of a frame to the API › it comes to its end, then a masked close frame',
  limit,
  async (t) => {
    const { user, raw, upstream, toApi } = await startBytes(t)
    // "hi" under the mask 0.
    const frame = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69])
    raw.socket.write(frame.subarray(0, 3))
    await eventually('the beginning is there', () => toApi().length === 3)
    const ended = once(upstream, 'end')
    await logOut(user)
    await sleep(300)
    raw.socket.write(frame.subarray(3))
    await ended
    assert.deepEqual(toApi().subarray(0, frame.length), frame)
    const close = toApi().subarray(frame.length)
    assert.deepEqual(close, closeFrame(1001, 'session_revoked', close.subarray(2, 6)))
    assert.ok(close.subarray(2, 6).some((byte) => byte !== 0))
  },
)

test(
  'websocket › a browser that reads nothing › the API is held back, and the session ends it all the same',
  limit,
  async (t) => {
    const { user, raw, upstream } = await startBytes(t)
    raw.socket.pause()
    const piece = Buffer.concat([
      Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 16, 0, 0]),
      Buffer.alloc(1024 * 1024),
    ])
    let sent = 0
    let stalled = false
    while (!stalled && sent < 200) {
      sent += 1
      if (upstream.write(piece)) continue
      const drained = new Promise((resolve) => upstream.once('drain', () => resolve(true)))
      stalled = !(await Promise.race([drained, sleep(1_000, false)]))
    }
    assert.ok(stalled, `the broker took ${sent} MiB that nobody read`)
    const ended = new Promise<void>((resolve) => upstream.once('close', () => resolve()))
    await logOut(user)
    await ended
  },
)
