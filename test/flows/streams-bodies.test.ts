import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Route } from '../../server/config/config.ts'
import type { Handler } from '../support/http-upstream.ts'
import { openCall, startHttpUpstream } from '../support/http-upstream.ts'
import { eventually, openRaw, requestText } from '../support/raw.ts'
import { logOut, openBody } from '../support/streams.ts'
import type { WorldOptions } from '../support/world.ts'
import { route, startWorld } from '../support/world.ts'

const limit = { timeout: 30_000 }

const setUp = async (
  t: TestContext,
  handler: Handler,
  over: Partial<Route> = {},
  options: WorldOptions = {},
) => {
  const { origin } = await startHttpUpstream(t, handler)
  const world = await startWorld(t, { ...options, routes: () => [route('/api/s', origin, over)] })
  const user = await world.loggedIn()
  const open = () => openBody(t, world, user, `${world.origin}/api/s`)
  return { world, user, open }
}

/** An answer that is never finished; `gone` once its connection has closed. */
const unfinished = (length?: number) => {
  const seen = { gone: false }
  const handler: Handler = (_req, res) => {
    res.once('close', () => (seen.gone = true))
    if (length !== undefined) res.setHeader('Content-Length', length)
    res.write('a part')
  }
  return { seen, handler }
}

const lengths = [20, 50_000_000, undefined]

for (const length of lengths)
  test(
    `logout › during a download of ${length ?? 'unknown'} length › cut, not ended; the API hears of it (V7.4.1)`,
    limit,
    async (t) => {
      const { seen, handler } = unfinished(length)
      const { user, open } = await setUp(t, handler)
      const { ended, text } = await open()
      await logOut(user)
      assert.equal((await ended).how, 'cut')
      assert.equal(text(), 'a part')
      await eventually('the API hears of it', () => seen.gone)
    },
  )

test(
  'logout › during a download that the browser reads slowly, all of it sent by the API › cut',
  limit,
  async (t) => {
    const { user, open } = await setUp(t, (_req, res) => res.end(Buffer.alloc(30 * 1024 * 1024)))
    const { answer, ended, text } = await open()
    answer.pause()
    await sleep(300)
    await logOut(user)
    await sleep(1_000)
    answer.resume()
    assert.equal((await ended).how, 'cut')
    assert.ok(text().length < 30 * 1024 * 1024)
  },
)

test(
  'logout › during a download by HTTP/1.0, which has no other end than the connection › reset, not closed',
  limit,
  async (t) => {
    const { handler } = unfinished()
    const { world, user } = await setUp(t, handler)
    const { host, port } = new URL(world.origin)
    const raw = await openRaw(t, Number(port))
    const failed = once(raw.socket, 'error')
    const head = requestText('GET /api/s', [
      ['Host', host],
      ['Cookie', user.cookieHeader()],
      ['Sec-Fetch-Site', 'same-origin'],
    ])
    raw.socket.write(head.replace('HTTP/1.1', 'HTTP/1.0'))
    await raw.until(/a part/)
    await logOut(user)
    assert.equal(((await failed)[0] as { code?: string }).code, 'ECONNRESET')
  },
)

const framings: readonly (readonly [string, Record<string, string>])[] = [
  ['chunked', {}],
  ['of known length', { 'content-length': '50000000' }],
  ['small and slow', { 'content-length': '10' }],
]

for (const [name, headers] of framings)
  test(
    `logout › during an upload, ${name} › cut; the API sees no whole request (V7.4.1)`,
    limit,
    async (t) => {
      const seen = { started: false, whole: false, cut: false }
      const { world, user } = await setUp(t, (req) => {
        seen.started = true
        req.on('end', () => (seen.whole = true))
        req.on('error', () => (seen.cut = true))
        req.resume()
      })
      const { outgoing } = await openCall(world, user, '/api/s', { method: 'POST', headers })
      const failed = once(outgoing, 'error').then(
        () => Date.now(),
        () => Date.now(),
      )
      outgoing.write('half')
      await sleep(300)
      await logOut(user)
      const atMs = Date.now()
      outgoing.on('error', () => undefined)
      assert.ok((await failed) - atMs < 1_500)
      if (seen.started) await eventually('the API sees it cut', () => seen.cut)
      assert.equal(seen.whole, false)
    },
  )

test('logout › during a call that needs no session › it goes on', limit, async (t) => {
  const { world, user, open } = await setUp(
    t,
    (_req, res) => {
      res.write('a part')
      setTimeout(() => res.end(', the rest'), 1_500)
    },
    { public: true, token: 'none' },
  )
  const { ended, text } = await open()
  await logOut(user)
  assert.equal((await ended).how, 'whole')
  assert.equal(text(), 'a part, the rest')
  assert.equal(world.upstream.seen.length, 0)
})

const quick: WorldOptions = { streaming: { eventQuietMs: 300 } }
const events =
  (first: string, over: Record<string, string> = {}): Handler =>
  (_req, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', ...over })
    res.flushHeaders()
    if (first !== '') res.write(first)
  }

for (const first of ['data: 1\n\n', 'data: 1\r\n\r\n'])
  test(
    `event stream › quiet after ${JSON.stringify(first)} › a comment now and then, and its next event is whole`,
    limit,
    async (t) => {
      let next: () => void = () => undefined
      const { open } = await setUp(
        t,
        (req, res) => {
          void events(first)(req, res)
          next = () => res.write('data: 2\n\n')
        },
        {},
        quick,
      )
      const { text, answer } = await open()
      assert.equal(answer.headers['x-accel-buffering'], 'no')
      await eventually('two comments', () => text() === `${first}:\n\n:\n\n`)
      next()
      await eventually('the event', () => text().endsWith(':\n\ndata: 2\n\n'))
    },
  )

test('event stream › nothing sent yet › the first comment is its first byte', limit, async (t) => {
  const { open } = await setUp(t, events(''), {}, quick)
  const { text } = await open()
  assert.equal(text(), ':\n\n')
})

const untouched: readonly (readonly [string, string, Record<string, string>])[] = [
  ['in the middle of an event', 'data: 1\n', {}],
  ['in the middle of a line', 'data: 1', {}],
  ['compressed', 'data: 1\n\n', { 'content-encoding': 'gzip' }],
  ['with a length', 'data: 1\n\n', { 'content-length': '1000' }],
  ['of another type', 'data: 1\n\n', { 'content-type': 'text/event-streams' }],
]

for (const [name, first, over] of untouched)
  test(`event stream › ${name} › no comment is put in`, limit, async (t) => {
    const { open } = await setUp(t, events(first, over), {}, quick)
    const { text } = await open()
    await sleep(1_000)
    assert.equal(text(), first)
  })

test(
  'event stream › quiet for longer than timeout.idle › stays open; any other answer is cut',
  limit,
  async (t) => {
    const timeoutMs = { connect: 2_000, firstByte: 25_000, idle: 300 }
    const { open } = await setUp(t, events('data: 1\n\n'), { timeoutMs })
    const { ended } = await open()
    assert.equal(await Promise.race([ended, sleep(1_500, 'open')]), 'open')
    const other = await setUp(t, unfinished().handler, { timeoutMs })
    assert.equal((await (await other.open()).ended).how, 'cut')
  },
)

test(
  'answer › read slowly for longer than timeout.idle › not taken for a silent API',
  limit,
  async (t) => {
    const timeoutMs = { connect: 2_000, firstByte: 25_000, idle: 300 }
    const size = 30 * 1024 * 1024
    const { open } = await setUp(t, (_req, res) => res.end(Buffer.alloc(size)), { timeoutMs })
    const { answer, ended, text } = await open()
    answer.pause()
    await sleep(1_200)
    answer.resume()
    assert.equal((await ended).how, 'whole')
    assert.equal(text().length, size)
  },
)

test('answer › slow but never silent › whole, however long it takes', limit, async (t) => {
  const timeoutMs = { connect: 2_000, firstByte: 25_000, idle: 1_000 }
  const { open } = await setUp(
    t,
    (_req, res) => {
      let pieces = 0
      const timer = setInterval(() => {
        pieces += 1
        if (pieces < 12) return void res.write('x')
        clearInterval(timer)
        res.end('y')
      }, 150)
    },
    { timeoutMs },
  )
  const { ended, text } = await open()
  assert.equal((await ended).how, 'whole')
  assert.equal(text(), `${'x'.repeat(11)}y`)
})
