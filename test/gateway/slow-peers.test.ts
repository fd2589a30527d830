import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import type { Route } from '../../server/config/config.ts'
import { readFramed, startGateway } from '../support/gateway.ts'
import { openCall, readAll, startHttpUpstream } from '../support/http-upstream.ts'
import type { Pair } from '../support/raw.ts'
import { codeOf, eventually, openRaw, parseAnswer, requestText } from '../support/raw.ts'
import { route, startWorld } from '../support/world.ts'

const ok = 'HTTP/1.1 200 OK\r\n'

const timeouts = (over: Partial<Route['timeoutMs']>): Partial<Route> => ({
  timeoutMs: { connect: 2_000, firstByte: 25_000, idle: 55_000, ...over },
})

/** Does the work again and again until the connection closes. */
const every = (socket: Socket, ms: number, work: () => void) => {
  const timer = setInterval(work, ms)
  socket.once('close', () => clearInterval(timer))
}

test('slow client › headers that never end (R27) › 408 in our own words when their time is up, upstream silent', async (t) => {
  const { door, raw } = await startGateway(t)
  const connected = once(door.server, 'connection') as Promise<[Socket]>
  const { socket, closed, text } = await openRaw(t, door.port)
  socket.write('GET /api/x HTTP/1.1\r\nHost: a\r\nX-A: ')
  const [side] = await connected
  // What Node tells a server about such a connection, after a minute and a half.
  const late = Object.assign(new Error('late'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })
  door.server.emit('clientError', late, side)
  await closed
  const answer = parseAnswer(text())
  assert.deepEqual([answer.status, codeOf(answer.body)], [408, 'invalid_request'])
  assert.equal(answer.header('connection'), 'close')
  assert.deepEqual(raw.connections, [])
})

test('slow client › headers byte by byte (R27) › answered once they are whole', async (t) => {
  const gateway = await startGateway(t)
  const user = await gateway.login()
  gateway.answer((socket) => void socket.write(`${ok}Content-Length: 2\r\n\r\nok`))
  const { socket, until } = await openRaw(t, gateway.door.port)
  for (const piece of requestText('GET /api/x', user.own).match(/[^]{1,40}/g) ?? []) {
    socket.write(piece)
    await sleep(2)
  }
  assert.match(await until(/ok$/), /^HTTP\/1\.1 200 /)
})

type Never = readonly [
  name: string,
  script: (socket: Socket) => void,
  over: Partial<Route>,
  status: number,
]

/** Each ends, with a status while there is one to be had, else with a cut. */
const never: readonly Never[] = [
  ['never answers', () => undefined, timeouts({ firstByte: 300 }), 504],
  ['stops within its header', (socket) => void socket.write(`${ok}X-A:`), timeouts({ firstByte: 300 }), 504],
  ['stops within its body', (socket) => void socket.write(`${ok}Content-Length: 9\r\n\r\nhalf`), timeouts({ idle: 300 }), 200],
  ['stops between chunks', (socket) => void socket.write(`${ok}Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n`), timeouts({ idle: 300 }), 200],
  ['stops and has no framing', (socket) => void socket.write(`${ok}\r\nhalf`), timeouts({ idle: 300 }), 200],
] // prettier-ignore

for (const [name, script, over, status] of never)
  test(`slow upstream › ${name} (R27, HTTP-15.6.5-a, MSG-8-a) › ${status === 200 ? 'cut' : status}, its connection is closed`, async (t) => {
    const gateway = await startGateway(t, over)
    const user = await gateway.login()
    let gone = false
    gateway.answer((socket) => {
      socket.once('close', () => (gone = true))
      script(socket)
    })
    const text = await gateway.call(user)
    assert.equal(parseAnswer(text).status, status)
    if (status === 200) assert.deepEqual(readFramed(text), { body: 'half', whole: false })
    await eventually('the upstream is rid of the call', () => gone)
  })

test('slow upstream › drips (R27) › each drop is there at once, past every timeout that it does not exceed', async (t) => {
  const gateway = await startGateway(t, timeouts({ firstByte: 1_500, idle: 1_500 }))
  const user = await gateway.login()
  let drops = 0
  gateway.answer((socket) => {
    socket.write(`${ok}Transfer-Encoding: chunked\r\n\r\n`)
    every(socket, 200, () => {
      drops += 1
      if (drops <= 12) socket.write(`1\r\n${drops % 10}\r\n`)
      if (drops === 12) socket.write('0\r\n\r\n')
    })
  })
  const { socket, until } = await openRaw(t, gateway.door.port)
  socket.write(requestText('GET /api/x', user.own))
  for (const drop of [1, 2, 3]) {
    await until(new RegExp(`\r\n${drop}\r\n`))
    assert.ok(drops < 12)
  }
  assert.equal(readFramed(await until(/\r\n0\r\n\r\n$/)).body, '123456789012')
})

test('slow upstream › a bomb of gzip (R27) › stays as small as it came', async (t) => {
  const bomb = gzipSync(Buffer.alloc(200 * 1024 * 1024))
  const gateway = await startGateway(t)
  const user = await gateway.login()
  gateway.answer((socket) => {
    socket.write(`${ok}Content-Encoding: gzip\r\nContent-Length: ${bomb.length}\r\n\r\n`)
    socket.write(bomb)
  })
  const { body, whole } = readFramed(await gateway.call(user))
  assert.deepEqual([body.length, whole], [bomb.length, true])
})

const chunked: Pair = ['Transfer-Encoding', 'chunked']

type Abort = readonly [
  name: string,
  start: string,
  headers: readonly Pair[],
  body: string,
  answer: string,
]

const aborts: readonly Abort[] = [
  ['before any answer', 'GET /api/x', [], '', ''],
  ['after a short upload', 'POST /api/x', [['Content-Length', '4']], 'body', ''],
  ['within a long upload', 'POST /api/x', [['Content-Length', '1000000']], 'x'.repeat(200_000), ''],
  ['within a chunked upload', 'POST /api/x', [chunked], `186a0\r\n${'x'.repeat(100_000)}\r\n`, ''],
  ['within an upload that is answered already', 'POST /api/x', [chunked], `186a0\r\n${'x'.repeat(100_000)}\r\n`, `${ok}Content-Length: 9\r\n\r\nhalf`],
  ['within a download', 'GET /api/x', [], '', `${ok}Content-Length: 9\r\n\r\nhalf`],
  ['within an event stream', 'GET /api/x', [], '', `${ok}Content-Type: text/event-stream\r\n\r\ndata: a\n\n`],
] // prettier-ignore

for (const how of ['closes', 'resets'] as const)
  for (const [name, start, headers, body, answer] of aborts)
    test(`client › ${how} ${name} (R27) › the upstream hears of it`, async (t) => {
      const gateway = await startGateway(t)
      const user = await gateway.login()
      const state = { arrived: false, gone: false }
      gateway.answer((upstream) => {
        state.arrived = true
        upstream.once('close', () => (state.gone = true))
        if (answer !== '') upstream.write(answer)
      })
      const { socket, until } = await openRaw(t, gateway.door.port)
      socket.write(requestText(start, [...user.own, ...headers], body))
      await eventually('the call is at the upstream', () => state.arrived)
      if (answer !== '') await until(/half|data: a/)
      assert.equal(state.gone, false)
      if (how === 'closes') socket.destroy()
      else socket.resetAndDestroy()
      await eventually('the upstream is rid of it', () => state.gone)
      const sent = gateway.raw.connections.map(({ text }) => text).join('')
      assert.doesNotMatch(sent, /\r\n0\r\n\r\n$/, 'an upload that was cut looks whole')
    })

test('slow client › reads a long answer slowly (R27) › the session is free meanwhile: calls, a refresh, a log-out', async (t) => {
  const body = Buffer.alloc(40 * 1024 * 1024, 'x')
  const upstream = await startHttpUpstream(t, (_req, res) => res.end(body))
  const world = await startWorld(t, { routes: () => [route('/api/big', upstream.origin)] })
  const user = await world.loggedIn()
  const slow = await openCall(world, user, '/api/big')
  slow.outgoing.end()
  const answer = await slow.answered
  await once(answer, 'readable')
  assert.equal((await user.call('/api/quick')).status, 200)
  world.clock.advance(301)
  assert.equal((await user.call('/api/quick')).status, 200)
  assert.equal(world.issuer.grants('refresh_token'), 1)
  assert.equal((await readAll(answer)).length, body.length)
  const headers = { ...(await user.csrf()), accept: 'application/json' }
  assert.equal((await user.call('/logout', { method: 'POST', headers })).status, 200)
})
