import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { openCall, readAll, startHttpUpstream } from '../support/http-upstream.ts'
import { appHeaders, codeOf, openDoor, openRaw, parseAnswer, requestText } from '../support/raw.ts'
import type { Pair } from '../support/raw.ts'
import { route, startWorld } from '../support/world.ts'

const limit = 1_000

const setUp = async (t: TestContext) => {
  const state = { ended: 0 }
  const upstream = await startHttpUpstream(t, (req, res) => {
    req.on('error', () => undefined)
    req.on('end', () => {
      state.ended += 1
      res.end('taken')
    })
    req.resume()
  })
  const narrow = { bodyLimitBytes: limit }
  const world = await startWorld(t, { routes: () => [route('/api/x', upstream.origin, narrow)] })
  return { world, state, user: await world.loggedIn() }
}

const sizes: readonly (readonly [string, number, number])[] = [
  ['at the limit', limit, 200],
  ['one byte above', limit + 1, 413],
  ['far above', 5_000_000, 413],
]

for (const framing of ['content-length', 'chunked'] as const)
  for (const [name, size, status] of sizes)
    test(`limits.body › ${framing}, ${name} › ${status}`, async (t) => {
      const { world, state, user } = await setUp(t)
      const headers = framing === 'chunked' ? {} : { 'content-length': String(size) }
      const { outgoing, answered } = await openCall(world, user, '/api/x', {
        method: 'POST',
        headers,
      })
      outgoing.on('error', () => undefined)
      for (let sent = 0; sent < size; sent += limit)
        outgoing.write(Buffer.alloc(Math.min(limit, size - sent)))
      outgoing.end()
      const answer = await answered
      const text = (await readAll(answer)).toString()
      assert.equal(answer.statusCode, status, text)
      if (status === 413) assert.equal(codeOf(text), 'body_too_large')
      // Of a body that was too large the upstream never saw the end.
      assert.equal(state.ended, status === 200 ? 1 : 0)
    })

const expectHeaders = async (
  t: TestContext,
  { csrf = true, length = 4 }: { csrf?: boolean; length?: number },
) => {
  const { world, state, user } = await setUp(t)
  const door = await openDoor(t, world)
  const own = (await appHeaders(user)).filter(([name]) => csrf || name !== 'x-csrf-token')
  const connection = await openRaw(t, door.port)
  const headers: readonly Pair[] = [
    ['Host', door.host],
    ['Expect', '100-continue'],
    ['Content-Length', String(length)],
    ...own,
  ]
  connection.socket.write(requestText('POST /api/x', headers))
  return { ...connection, state, world }
}

test('Expect: 100-continue › an admitted upload (HTTP-10.1.1-a) › asked for, then sent on', async (t) => {
  const { socket, until, state } = await expectHeaders(t, {})
  await until(/^HTTP\/1\.1 100 Continue\r\n\r\n/)
  assert.equal(state.ended, 0)
  socket.write('body')
  assert.match(await until(/taken/), /\r\n\r\nHTTP\/1\.1 200 OK\r\n/)
})

test('Expect: 100-continue › a refused upload › one final status, never asked for, connection closed', async (t) => {
  for (const [fault, status] of [
    [{ csrf: false }, 403],
    [{ length: limit + 1 }, 413],
  ] as const) {
    const { closed, text, state } = await expectHeaders(t, fault)
    await closed
    assert.equal(parseAnswer(text()).status, status)
    assert.doesNotMatch(text(), /100 Continue/)
    assert.equal(state.ended, 0)
  }
})

test('Expect: 100-continue › seen by the upstream › token and no cookie, no Expect', async (t) => {
  const world = await startWorld(t)
  const door = await openDoor(t, world)
  const headers = await appHeaders(await world.loggedIn())
  const answer = await door.exchange(
    'POST /api/x',
    [...headers, ['Expect', '100-continue'], ['Authorization', 'Basic x'], ['Content-Length', '2']],
    'hi',
  )
  assert.match(answer, /200 OK/)
  const seen = world.upstream.last()
  assert.match(seen.headers.authorization ?? '', /^Bearer at-/)
  assert.equal(seen.headers.cookie, undefined)
  assert.equal(seen.headers.expect, undefined)
  assert.equal(seen.body, 'hi')
})
