import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { eventually } from '../support/raw.ts'
import { startSecondBroker } from '../support/second-broker.ts'
import type { Streams } from '../support/streams.ts'
import { logOut, logOutByProvider, startStreams } from '../support/streams.ts'
import type { WorldOptions } from '../support/world.ts'

const limit = { timeout: 30_000 }
/** The promise is a second; the machine may be busy. */
const withinMs = 1_500

const lives = (idleSeconds: number, absoluteSeconds: number): WorldOptions => ({
  config: (config) => ({
    ...config,
    session: { ...config.session, idleSeconds, absoluteSeconds },
  }),
})

type End = {
  readonly name: string
  readonly options?: WorldOptions
  /** Resolves with the moment of the end. */
  readonly end: (streams: Streams) => Promise<number>
  readonly reason: string
}

const now = async (ended: Promise<unknown>) => {
  await ended
  return Date.now()
}

const ends: readonly End[] = [
  { name: 'logout', end: ({ user }) => now(logOut(user)), reason: 'session_revoked' },
  {
    name: 'back-channel logout (BCL-2.4-a)',
    end: ({ world }) => now(logOutByProvider(world)),
    reason: 'session_revoked',
  },
  {
    name: 'the idle deadline (V7.3.1)',
    options: lives(2, 600),
    end: () => Promise.resolve(Date.now() + 2_000),
    reason: 'session_expired',
  },
  {
    name: 'the absolute deadline (V7.3.2)',
    options: lives(2, 2),
    end: () => Promise.resolve(Date.now() + 2_000),
    reason: 'session_expired',
  },
]

for (const { name, options, end, reason } of ends)
  test(
    `session › ended by ${name} › every stream on both brokers is cut: 4401 ${reason}, bodies broken off (V7.4.1)`,
    limit,
    async (t) => {
      const streams = await startStreams(t, options)
      const second = await startSecondBroker(t, streams.world)
      const sockets = await Promise.all([streams.openSocket(), streams.openSocket(second.origin)])
      const bodies = await Promise.all([streams.openEvents(), streams.openEvents(second.origin)])
      const apiCodes = streams.peers.map((peer) =>
        once(peer, 'close').then(([code]) => code as unknown),
      )
      const apiGone = streams.answers.map((answer) => once(answer, 'close'))
      await sleep(300)
      const atMs = await end(streams)
      for (const { closed } of sockets) {
        const { code, reason: told, atMs: closedMs } = await closed
        assert.deepEqual([code, told], [4401, reason])
        assert.ok(closedMs - atMs < withinMs, `closed after ${closedMs - atMs} ms`)
      }
      for (const { ended, text } of bodies) {
        const { how, atMs: endedMs } = await ended
        assert.deepEqual([how, text()], ['cut', 'data: 1\n\n'])
        assert.ok(endedMs - atMs < withinMs, `cut after ${endedMs - atMs} ms`)
      }
      assert.deepEqual(await Promise.all(apiCodes), [1001, 1001])
      await Promise.all(apiGone)
    },
  )

test('session › ended right after a stream began › cut all the same', limit, async (t) => {
  const streams = await startStreams(t)
  const headers = await streams.user.csrf()
  const [{ closed }, { ended }] = await Promise.all([streams.openSocket(), streams.openEvents()])
  await streams.user.call('/logout', { method: 'POST', headers })
  assert.equal((await closed).code, 4401)
  assert.equal((await ended).how, 'cut')
})

/** Both still carry data. */
const expectAlive = async (
  { openSocket, openEvents, answers }: Streams,
  during: () => Promise<unknown>,
) => {
  const { ws } = await openSocket()
  const events = await openEvents()
  await sleep(300)
  await during()
  ws.send('still there')
  const [data] = (await once(ws, 'message')) as [Buffer]
  assert.equal(data.toString(), 'still there')
  answers.at(-1)?.write('data: 2\n\n')
  await eventually('the next event', () => events.text().endsWith('data: 2\n\n'))
  return { ws, events }
}

test('session › only its token rotates › its streams go on', limit, async (t) => {
  const streams = await startStreams(t)
  await expectAlive(streams, async () => {
    streams.world.clock.advance(301)
    assert.equal((await streams.user.call('/api/x')).status, 200)
    assert.equal(streams.world.issuer.grants('refresh_token'), 1)
    await sleep(300)
  })
})

test(
  'session › kept alive by calls past its first idle deadline › its streams go on, and end with it',
  limit,
  async (t) => {
    const streams = await startStreams(t, lives(2, 600))
    const { ws, events } = await expectAlive(streams, async () => {
      for (let calls = 0; calls < 6; calls += 1) {
        await sleep(500)
        assert.equal((await streams.user.call('/api/x')).status, 200)
      }
    })
    const [code] = (await once(ws, 'close')) as [number]
    assert.equal(code, 4401)
    assert.equal((await events.ended).how, 'cut')
  },
)

test('session › another one ends › streams go on', limit, async (t) => {
  const streams = await startStreams(t)
  const other = await streams.world.loggedIn()
  await expectAlive(streams, async () => {
    await logOut(other)
    await sleep(300)
  })
})
