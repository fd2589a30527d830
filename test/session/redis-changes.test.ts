import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { monotonicMs } from '../../server/core/clock.ts'
import { secret } from '../../server/core/secret.ts'
import { redisChanges } from '../../server/session/redis-changes.ts'
import { connectRedis } from '../../server/session/redis-client.ts'
import { startChannelProxy } from '../chaos/channel-proxy.ts'
import type { Cleanup } from '../support/redis-server.ts'
import { redisLane, startRedis } from '../support/redis-server.ts'

const lane = { ...redisLane(), timeout: 30_000 }

/** One listener, with a proxy between it and Redis that can spoil the connection for news. */
const setUp = async (t: Cleanup) => {
  const redis = await startRedis(t)
  const proxy = await startChannelProxy(t, redis.port, () => undefined)
  const nodes = secret([proxy.url])
  const client = connectRedis({ nodes, prefix: '', tlsVerify: true }, () => undefined)
  const changes = redisChanges(client, 'changes')
  const heard: string[] = []
  changes.onChange((id) => heard.push(id))
  t.after(async () => {
    client.disconnect()
    await changes.close()
  })
  const alls = () => heard.filter((id) => id === 'all').length
  await until(() => alls() === 1)
  return { redis, proxy, client, changes, heard, alls }
}

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await sleep(20)
}

/** Up to this moment. */
const untilHeard = async ({ heardUntilMs }: { heardUntilMs: () => number }): Promise<void> => {
  const nowMs = monotonicMs()
  await until(() => heardUntilMs() >= nowMs)
}

test(
  'redisChanges › a connection in order › news, and proof of having heard it',
  lane,
  async (t) => {
    const { client, changes, heard } = await setUp(t)
    await client.publish('changes', 'a')
    await untilHeard(changes)
    assert.deepEqual(heard, ['all', 'a'])
  },
)

test(
  'redisChanges › the connection is lost again and again while it subscribes › the process lives, and hears all',
  lane,
  async (t) => {
    const { proxy, changes, alls } = await setUp(t)
    await untilHeard(changes)
    proxy.set({ kind: 'cut' })
    await until(() => changes.heardUntilMs() === -Infinity)
    await sleep(1_000)
    assert.equal(alls(), 1)
    proxy.set({ kind: 'healthy' })
    await untilHeard(changes)
    assert.equal(alls(), 2)
  },
)

test(
  'redisChanges › SUBSCRIBE is answered too late › it is sent again, and news counts',
  lane,
  async (t) => {
    const { proxy, changes } = await setUp(t)
    proxy.set({ kind: 'cut' })
    await until(() => changes.heardUntilMs() === -Infinity)
    // Later than a command may take, earlier than a connection is given up.
    proxy.set({ kind: 'late', byMs: 1_250 })
    await sleep(2_800)
    proxy.set({ kind: 'healthy' })
    await untilHeard(changes)
  },
)

test(
  'redisChanges › the client connects again › so does the connection for news: there may be another master',
  lane,
  async (t) => {
    const { client, changes, alls } = await setUp(t)
    await untilHeard(changes)
    client.disconnect(true)
    await until(() => alls() === 2)
    await untilHeard(changes)
  },
)

for (const kind of ['silent', 'unheard'] as const)
  test(`redisChanges › the connection is ${kind} › nothing counts as heard`, lane, async (t) => {
    const { proxy, changes } = await setUp(t)
    await untilHeard(changes)
    proxy.set({ kind })
    const spoiledMs = monotonicMs()
    for (let left = 20; left > 0; left -= 1) {
      assert.ok(changes.heardUntilMs() <= spoiledMs)
      await sleep(20)
    }
    proxy.set({ kind: 'healthy' })
    await untilHeard(changes)
  })
