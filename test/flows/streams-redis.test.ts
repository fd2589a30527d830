import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { redisLane, startRedis } from '../support/redis-server.ts'
import { redisStore } from '../support/redis-store.ts'
import { startSecondBroker } from '../support/second-broker.ts'
import type { Streams } from '../support/streams.ts'
import { logOut, logOutByProvider, startStreams } from '../support/streams.ts'
import type { WorldOptions } from '../support/world.ts'

const lane = { ...redisLane(), timeout: 60_000 }
const withinMs = 1_500
/** Everything acknowledged is on the disk: a killed Redis comes back with it. */
const durable = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always']

/** Two brokers, each with connections of its own to one Redis. */
const startTwo = async (t: TestContext, config: WorldOptions['config'] = (same) => same) => {
  const redis = await startRedis(t, durable)
  const streams = await startStreams(t, { backend: redisStore(redis), config })
  const second = await startSecondBroker(t, streams.world, redisStore(redis))
  return { redis, streams, second }
}

const shortIdle: WorldOptions['config'] = (config) => ({
  ...config,
  session: { ...config.session, idleSeconds: 3, absoluteSeconds: 600 },
})

type End = readonly [
  name: string,
  reason: string,
  end: (streams: Streams) => Promise<void>,
  config?: WorldOptions['config'],
]

const ends: readonly End[] = [
  ['logout', 'session_revoked', ({ user }) => logOut(user)],
  ['back-channel logout', 'session_revoked', ({ world }) => logOutByProvider(world)],
  ['the idle deadline', 'session_expired', () => sleep(2_700), shortIdle],
]

for (const [name, reason, end, config] of ends)
  test(
    `two brokers on one Redis › ${name} on one › streams on the other are cut within a second (V7.4.1)`,
    lane,
    async (t) => {
      const { streams, second } = await startTwo(t, config)
      const { closed } = await streams.openSocket(second.origin)
      const { ended } = await streams.openEvents(second.origin)
      await sleep(300)
      await end(streams)
      const atMs = Date.now()
      const [{ code, reason: told, atMs: closedMs }, { how, atMs: endedMs }] = await Promise.all([
        closed,
        ended,
      ])
      assert.deepEqual([code, told, how], [4401, reason, 'cut'])
      for (const ms of [closedMs, endedMs]) assert.ok(ms - atMs < withinMs, `after ${ms - atMs} ms`)
    },
  )

test(
  'two brokers on one Redis › the token rotates on one › streams on the other go on',
  lane,
  async (t) => {
    const { streams, second } = await startTwo(t)
    const { ws, closed } = await streams.openSocket(second.origin)
    await sleep(300)
    streams.world.clock.advance(301)
    assert.equal((await streams.user.call('/api/x')).status, 200)
    assert.equal(streams.world.issuer.grants('refresh_token'), 1)
    assert.equal(await Promise.race([closed, sleep(700, 'open')]), 'open')
    ws.terminate()
  },
)

test(
  'Redis › away for some seconds › no stream is cut; back, a session that ends takes its streams along',
  lane,
  async (t) => {
    const { redis, streams } = await startTwo(t)
    const { closed } = await streams.openSocket()
    const { ended } = await streams.openEvents()
    await sleep(300)
    await redis.kill()
    assert.equal(await Promise.race([closed, ended, sleep(3_000, 'open')]), 'open')
    await redis.start()
    let isBack = false
    while (!isBack) {
      await sleep(50)
      isBack = (await streams.user.call('/session')).status === 200
    }
    assert.equal(await Promise.race([closed, ended, sleep(1_000, 'open')]), 'open')
    await logOut(streams.user)
    assert.equal((await closed).code, 4401)
    assert.equal((await ended).how, 'cut')
  },
)
