import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { capturedLog } from '../support/captured-log.ts'
import { startHttpUpstream } from '../support/http-upstream.ts'
import {
  appHeaders,
  codeOf,
  eventually,
  openRaw,
  parseAnswer,
  requestText,
} from '../support/raw.ts'
import { route, startWorld } from '../support/world.ts'

const setUp = async (t: TestContext, idle = 300) => {
  const state = { started: 0, ended: 0, cut: 0 }
  const upstream = await startHttpUpstream(t, (req, res) => {
    state.started += 1
    req.on('error', () => (state.cut += 1))
    req.on('end', () => {
      state.ended += 1
      res.end('taken')
    })
    req.resume()
  })
  const log = capturedLog()
  const timeoutMs = { connect: 2_000, firstByte: 25_000, idle }
  const world = await startWorld(t, {
    log: log.log,
    routes: () => [route('/api/x', upstream.origin, { timeoutMs })],
  })
  const user = await world.loggedIn()
  const { host, port } = new URL(world.origin)
  const own = [['Host', host] as const, ...(await appHeaders(user))]
  const open = async (start: string, length: readonly [string, string], body: string) => {
    const connection = await openRaw(t, Number(port))
    connection.socket.write(requestText(start, [...own, length], body))
    return connection
  }
  return { world, state, log, open }
}

const stalls: readonly (readonly [name: string, length: readonly [string, string], half: string, started: number])[] = [
  ['a body that is held', ['Content-Length', '1000'], 'half', 0],
  ['no byte of its body', ['Content-Length', '1000'], '', 0],
  ['a long body', ['Content-Length', '100000'], 'half', 1],
  ['chunks', ['Transfer-Encoding', 'chunked'], '4\r\nhalf\r\n', 1],
  ['no chunk', ['Transfer-Encoding', 'chunked'], '', 1],
] // prettier-ignore

for (const [name, length, half, started] of stalls)
  test(`upload › the client stands still in ${name} (timeout.idle) › cut on both sides, logged`, async (t) => {
    const { state, log, open } = await setUp(t)
    const { closed, text } = await open('POST /api/x', length, half)
    await closed
    assert.equal(text(), '')
    assert.match(log.text(), /"upload stalled"/)
    await eventually('the access log has it', () => /"status":408.*"cut":true/.test(log.text()))
    await eventually('the upstream is rid of it', () => state.cut === state.started)
    // A chunked request without a chunk may have gone no further than our own buffers.
    assert.ok(state.started <= started)
    assert.equal(state.ended, 0)
  })

test('upload › slow, but it flows (timeout.idle) › arrives whole, however long it takes', async (t) => {
  const { state, open } = await setUp(t, 1_000)
  for (const length of [
    ['Content-Length', '16'],
    ['Transfer-Encoding', 'chunked'],
  ] as const) {
    const { socket, until } = await open('POST /api/x', length, '')
    for (let sent = 0; sent < 16; sent += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      socket.write(length[1] === 'chunked' ? '1\r\nx\r\n' : 'x')
    }
    if (length[1] === 'chunked') socket.write('0\r\n\r\n')
    await until(/taken/)
  }
  assert.equal(state.ended, 2)
})

test('upload › the upstream takes its time with the answer (timeout.idle) › waited for', async (t) => {
  const upstream = await startHttpUpstream(t, (req, res) => {
    req.resume()
    setTimeout(() => res.end('late'), 600)
  })
  const timeoutMs = { connect: 2_000, firstByte: 25_000, idle: 100 }
  const world = await startWorld(t, { routes: () => [route('/api/x', upstream.origin, { timeoutMs })] }) // prettier-ignore
  const user = await world.loggedIn()
  for (const body of ['short', 'x'.repeat(70_000)]) {
    const headers = { ...(await user.csrf()), 'content-length': String(body.length) }
    assert.equal((await user.call('/api/x', { method: 'POST', headers, body })).text, 'late')
  }
})

const forms = ['POST /logout', 'POST /login', 'POST /backchannel-logout', 'POST /nowhere']

for (const start of forms)
  test(`form › ${start}, half of its body › an answer within 10 s, and the connection closes`, async (t) => {
    const { world, open } = await setUp(t)
    const arrived = once(world.server, 'request')
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const form = [
      'Content-Type: application/x-www-form-urlencoded\r\nContent-Length',
      '50',
    ] as const
    const { closed, text } = await open(start, form, 'csrf_token=')
    await arrived
    // Session and form reader come to wait for the rest.
    for (let turns = 0; turns < 50; turns += 1) await turn()
    t.mock.timers.tick(10_000)
    await closed
    const answer = parseAnswer(text())
    assert.equal(answer.header('connection'), 'close')
    if (start === 'POST /nowhere') return
    assert.equal(answer.status, 400, text())
    assert.equal(codeOf(answer.body), 'invalid_request')
  })
