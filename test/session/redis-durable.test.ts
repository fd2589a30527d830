import type { TestContext } from 'node:test'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { systemClock } from '../../server/core/clock.ts'
import type { Log } from '../../server/core/log.ts'
import { silentLog } from '../../server/core/log.ts'
import { secret } from '../../server/core/secret.ts'
import type { Backend } from '../../server/session/backend.ts'
import { redisBackend } from '../../server/session/redis-backend.ts'
import { connectRedis } from '../../server/session/redis-client.ts'
import { recentWrites } from '../../server/session/redis-durable.ts'
import { createScript } from '../../server/session/redis-scripts.ts'
import { someId } from '../support/backend-contract.ts'
import { redisLane, startRedis } from '../support/redis-server.ts'

const lane = redisLane()
const life = { idleSeconds: 60, absoluteSeconds: 600 }
const sealed = Buffer.from('sealed')

const connect = (t: TestContext, url: string, log: Log = silentLog): Backend => {
  const settings = { nodes: secret([url]), prefix: 'k:', tlsVerify: true }
  const client = connectRedis(settings, () => undefined)
  const backend = redisBackend({ client, prefix: 'k:', clock: systemClock, log })
  t.after(backend.close)
  return backend
}

const kindOf = async (backend: Backend, id: ReturnType<typeof someId>): Promise<string> =>
  (await backend.read(id).catch(() => ({ kind: 'unavailable' }))).kind

/** Waits until a look gives what is wanted, 5 s at most. */
const until = async (look: () => Promise<boolean>): Promise<void> => {
  for (let times = 0; times < 250 && !(await look()); times += 1) await sleep(20)
}

test(
  'redisBackend › Redis comes back without its last writes › they are made again',
  lane,
  async (t) => {
    const redis = await startRedis(t)
    const backend = connect(t, redis.url)
    const [ended, kept] = [someId(), someId()]
    await backend.create(ended, 'session', sealed, life)
    await backend.end(ended, 'session_revoked', 600)
    await backend.create(kept, 'vault', sealed, life)
    await backend.create(kept, 'session', sealed, life)
    await backend.update(kept, 'vault', 1, Buffer.from('refreshed'))
    await redis.kill()
    await redis.start()
    await until(async () => (await kindOf(backend, kept)) === 'live')
    const found = await backend.read(kept)
    assert.ok(found.kind === 'live')
    await until(async () => {
      const again = await backend.read(kept)
      return again.kind === 'live' && again.vault?.version === 2
    })
    const again = await backend.read(kept)
    assert.ok(again.kind === 'live')
    assert.deepEqual(again.vault, { version: 2, sealed: Buffer.from('refreshed') })
    assert.deepEqual(await backend.read(ended), { kind: 'ended', reason: 'session_revoked' })
  },
)

test(
  'redisBackend › Redis comes back with more than this instance knows › the newer stands',
  lane,
  async (t) => {
    const redis = await startRedis(t)
    const [mine, other] = [connect(t, redis.url), connect(t, redis.url)]
    const [updated, ended] = [someId(), someId()]
    for (const id of [updated, ended]) await mine.create(id, 'session', sealed, life)
    await mine.update(updated, 'session', 1, Buffer.from('mine'))
    await other.update(updated, 'session', 2, Buffer.from('theirs'))
    await other.end(ended, 'session_expired', 600)
    // The connections are cut, and nothing is lost.
    const admin = connectRedis(
      { nodes: secret([redis.url]), prefix: '', tlsVerify: true },
      () => undefined,
    )
    await admin.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    admin.disconnect()
    await sleep(400)
    const found = await mine.read(updated)
    assert.ok(found.kind === 'live')
    assert.deepEqual(found.session, { version: 3, sealed: Buffer.from('theirs') })
    assert.deepEqual(await mine.read(ended), { kind: 'ended', reason: 'session_expired' })
  },
)

test(
  'redisBackend › a replica follows › a write waits for it; one that is frozen delays nobody for long',
  lane,
  async (t) => {
    const primary = await startRedis(t, ['--save', '', '--repl-diskless-sync-delay', '0'])
    const replica = await startRedis(t, [
      '--save',
      '',
      '--replicaof',
      '127.0.0.1',
      String(primary.port),
    ])
    const warnings: string[] = []
    const log: Log = { ...silentLog, warn: (_facts, message) => void warnings.push(message) }
    const admin = connectRedis(
      { nodes: secret([primary.url]), prefix: '', tlsVerify: true },
      () => undefined,
    )
    t.after(() => admin.disconnect())
    await until(async () => {
      await admin.set('a write', 'to wait for')
      return Number(await admin.call('wait', 1, 500)) === 1
    })
    const backend = connect(t, primary.url, log)
    await backend.ping()
    await sleep(200)
    const waits = async () =>
      Number(/cmdstat_wait:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0)
    const [id, before] = [someId(), await waits()]
    await backend.create(id, 'session', sealed, life)
    assert.ok((await waits()) > before)
    assert.deepEqual(warnings, [])
    replica.freeze()
    const startMs = performance.now()
    await backend.end(id, 'session_revoked', 600)
    assert.ok(performance.now() - startMs < 1_500)
    assert.equal(warnings.length, 1)
    replica.thaw()
  },
)

test(
  'redisBackend › Redis is not up when changes are first asked for › they are told later',
  lane,
  async (t) => {
    const redis = await startRedis(t)
    await redis.kill()
    const backend = connect(t, redis.url)
    const heard: string[] = []
    backend.onChange((id) => heard.push(id))
    await sleep(100)
    await redis.start()
    await until(() => Promise.resolve(heard.includes('all')))
    const id = someId()
    await until(
      async () =>
        (await backend.create(id, 'session', sealed, life).catch(() => 'no')) === 'created',
    )
    await until(() => Promise.resolve(heard.includes(id)))
    assert.ok(heard.includes(id))
  },
)

test('recentWrites › a minute old, or beyond 16 MiB › forgotten, the oldest first', () => {
  let nowMs = 0
  const recent = recentWrites({ nowMs: () => nowMs })
  const write = (name: string) => () => ({ script: createScript, keys: [name], args: [] })
  const names = () => recent.kept().map((assertion) => assertion(0).keys[0])
  recent.remember(write('a'), 10)
  nowMs = 30_000
  recent.remember(write('b'), 10)
  nowMs = 60_001
  assert.deepEqual(names(), ['b'])
  recent.remember(write('c'), 16 * 1_048_576 - 10)
  assert.deepEqual(names(), ['b', 'c'])
  recent.remember(write('d'), 10)
  assert.deepEqual(names(), ['c', 'd'])
})
