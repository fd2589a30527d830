import type { Backend } from '../../server/session/backend.ts'
import type { RedisClient } from '../../server/session/redis-client.ts'
import type { RedisServer } from '../support/redis-server.ts'
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { systemClock } from '../../server/core/clock.ts'
import { silentLog } from '../../server/core/log.ts'
import { BrokerError } from '../../server/core/errors.ts'
import { systemRandom } from '../../server/core/random.ts'
import { secret } from '../../server/core/secret.ts'
import { redisKeys } from '../../server/session/keys.ts'
import { recordIdOf } from '../../server/session/record-id.ts'
import { redisBackend } from '../../server/session/redis-backend.ts'
import { connectRedis } from '../../server/session/redis-client.ts'
import { sealer } from '../../server/session/seal.ts'
import { parseSessionId } from '../../server/core/ids.ts'
import { backendContract, someId } from '../support/backend-contract.ts'
import { redisLane, startRedis } from '../support/redis-server.ts'

const lane = redisLane()
const server: RedisServer | undefined =
  lane.skip === false ? await startRedis({ after }) : undefined
const prefix = 'latchkey-test:'
const keys = redisKeys(prefix)
const life = { idleSeconds: 60, absoluteSeconds: 600 }
const sealed = Buffer.from('sealed')

type Redis = { readonly backend: Backend; readonly client: RedisClient }

const connect = (t: { after: (end: () => Promise<void>) => void }): Redis => {
  const nodes = secret([server?.url ?? 'redis://127.0.0.1:1'])
  const client = connectRedis({ nodes, prefix, tlsVerify: true }, () => undefined)
  const backend = redisBackend({ client, prefix, clock: systemClock, log: silentLog })
  t.after(backend.close)
  return { backend, client }
}

backendContract('redis', { make: (t) => connect(t).backend, skip: lane.skip })

const check = (title: string, run: (redis: Redis) => Promise<void>): void => {
  test(`redisBackend › ${title}`, lane, (t) => run(connect(t)))
}

const isUnavailable = (error: unknown): boolean =>
  error instanceof BrokerError &&
  error.code === 'store_unavailable' &&
  error.info.retryAfterSeconds === 1

const near = (actual: number, wanted: number) =>
  assert.ok(actual > wanted - 2_000 && actual <= wanted, `${actual} is not just below ${wanted}`)

check(
  'create › a record › text header, sealed bytes, and a TTL of the idle time',
  async (redis) => {
    const id = someId()
    await redis.backend.create(id, 'vault', sealed, life)
    const record = (await redis.client.getBuffer(keys.record(id, 'vault')))?.toString()
    assert.match(record ?? '', /^1:\d{13}:sealed$/)
    near(Number(record?.split(':')[1]) - Date.now(), 600_000)
    near(await redis.client.pttl(keys.record(id, 'vault')), 60_000)
  },
)

check('read › slide › all three keys get the idle time', async ({ backend, client }) => {
  const id = someId()
  for (const kind of ['session', 'vault', 'listing'] as const)
    await backend.create(id, kind, sealed, life)
  await backend.read(id, 90)
  for (const kind of ['session', 'vault', 'listing'] as const)
    near(await client.pttl(keys.record(id, kind)), 90_000)
})

check('read › slide past the absolute deadline › the TTL ends there', async (redis) => {
  const id = someId()
  await redis.backend.create(id, 'session', sealed, life)
  await redis.backend.read(id, 3_600)
  near(await redis.client.pttl(keys.record(id, 'session')), 600_000)
  await redis.backend.update(id, 'session', 1, sealed)
  near(await redis.client.pttl(keys.record(id, 'session')), 600_000)
})

for (const [absoluteSeconds, wantedMs] of [
  [600, 3_600_000],
  [7_200, 7_200_000],
] as const)
  check(`end › ${absoluteSeconds} s left › a tombstone for ${wantedMs} ms`, async (redis) => {
    const [standing, none] = [someId(), someId()]
    await redis.backend.create(standing, 'session', sealed, { idleSeconds: 60, absoluteSeconds })
    await redis.backend.end(standing, 'session_expired', 1)
    await redis.backend.end(none, 'session_expired', absoluteSeconds)
    for (const id of [standing, none]) {
      assert.equal(await redis.client.get(keys.tombstone(id)), 'session_expired')
      near(await redis.client.pttl(keys.tombstone(id)), wantedMs)
      assert.equal(await redis.client.exists(keys.record(id, 'session')), 0)
    }
  })

check('takeLogin › first › the return part stays 600 s', async ({ backend, client }) => {
  const { waiting, returnStem, pendingStem } = keys.logins('owner')
  const member = keys.loginMember('state')
  await backend.putLogin('owner', 'state', { pending: sealed, return: sealed, ttlMs: 60_000, cap: 20 }) // prettier-ignore
  for (const key of [waiting, returnStem + member, pendingStem + member])
    near(await client.pttl(key), 60_000)
  await backend.takeLogin('owner', 'state')
  near(await client.pttl(returnStem + member), 600_000)
  assert.equal(await client.exists(waiting, pendingStem + member), 0)
})

check('lock › taken › lock and fence both end by themselves', async ({ backend, client }) => {
  const id = someId()
  const fence = await backend.lock(id, 'refresh', 30_000)
  assert.equal(await client.get(keys.lock(id, 'refresh')), String(fence))
  near(await client.pttl(keys.lock(id, 'refresh')), 30_000)
  near(await client.pttl(keys.fence(id)), 86_430_000)
})

check('any verb › the scripts were flushed › works', async ({ backend, client }) => {
  const id = someId()
  await backend.create(id, 'session', sealed, life)
  await client.script('FLUSH')
  assert.equal((await backend.read(id, 60)).kind, 'live')
})

for (const garbage of [
  '',
  'x',
  '1:',
  ':2:x',
  '1:2:old',
  '-1:99999999999999:x',
  '1.5:99999999999999:x',
  `1:${'9'.repeat(400)}:x`,
  '{"a":1}',
])
  // prettier-ignore
  check(`read › ${JSON.stringify(garbage).slice(0, 24)} in a record › missing`, async (redis) => {
    const id = someId()
    await redis.client.set(keys.record(id, 'session'), garbage)
    assert.deepEqual(await redis.backend.read(id, 60), { kind: 'missing' })
    assert.equal(await redis.backend.update(id, 'session', 1, sealed), 'gone')
  })

check('read › a tombstone beside a record, or an unknown reason › ended', async (redis) => {
  const id = someId()
  await redis.backend.create(id, 'session', sealed, life)
  await redis.client.set(keys.tombstone(id), 'whatever')
  assert.deepEqual(await redis.backend.read(id), { kind: 'ended', reason: 'session_revoked' })
})

check(
  'read › R28 a key of the wrong type › store_unavailable, and it can be ended',
  async (redis) => {
    for (const kind of ['session', 'vault'] as const) {
      const id = someId()
      if (kind === 'vault') await redis.backend.create(id, 'session', sealed, life)
      await redis.client.rpush(keys.record(id, kind), 'x')
      await assert.rejects(redis.backend.read(id, 60), isUnavailable)
      await assert.rejects(redis.backend.update(id, kind, 1, sealed), isUnavailable)
      await redis.backend.end(id, 'session_revoked', 60)
      assert.equal((await redis.backend.read(id)).kind, 'ended')
    }
  },
)

check('any verb › R28 Redis is out of memory › no write, but reads and logouts', async (redis) => {
  const [id, other] = [someId(), someId()]
  await redis.backend.create(id, 'session', sealed, life)
  await redis.client.config('SET', 'maxmemory', '1mb')
  try {
    await assert.rejects(redis.backend.create(other, 'session', sealed, life), isUnavailable)
    await assert.rejects(redis.backend.put('key', sealed, 1_000), isUnavailable)
    assert.equal((await redis.backend.read(id, 90)).kind, 'live')
    await redis.backend.end(id, 'session_revoked', 60)
    await redis.backend.end(other, 'session_revoked', 60)
    assert.equal((await redis.backend.read(id)).kind, 'ended')
    assert.equal((await redis.backend.read(other)).kind, 'ended')
  } finally {
    await redis.client.config('SET', 'maxmemory', '0')
  }
})

check('an error reply › its cause › shows neither key nor value', async (redis) => {
  const id = someId()
  await redis.client.rpush(keys.record(id, 'session'), 'x')
  const error: unknown = await redis.backend
    .update(id, 'session', 1, sealed)
    .catch((e: unknown) => e)
  assert.ok(error instanceof BrokerError && error.cause instanceof Error)
  assert.deepEqual(Object.keys(error.cause).sort(), ['name'])
  assert.match(error.cause.message, /^WRONGTYPE/)
})

check('a dump of all keys › after a login › shows nothing that opens it', async (redis) => {
  const sessionId = parseSessionId('S'.repeat(43))
  assert.ok(sessionId !== undefined)
  const recordId = recordIdOf(sessionId)
  const { seal } = sealer([{ kid: 'k1', key: secret(Buffer.alloc(32, 1)) }], systemRandom)
  const plain = Buffer.from('{"refreshToken":"plain-secret"}')
  const bytes = seal({ secret: sessionId, recordId, kind: 'vault', version: 1 }, plain)
  await redis.backend.create(recordId, 'vault', bytes, life)
  await redis.backend.putLogin('login-cookie', 'plain-state', { pending: bytes, return: bytes, ttlMs: 9_000, cap: 20 }) // prettier-ignore
  await redis.backend.takeLogin('login-cookie', 'attacker-state\r\n')
  await redis.backend.put('one-time-link', bytes, 9_000)
  const names = await redis.client.keys('*')
  const values = await Promise.all(names.map((name) => redis.client.dump(name)))
  const dump = JSON.stringify([names, values])
  for (const hidden of [sessionId, 'plain-', 'login-cookie', 'attacker', 'one-time-link'])
    assert.equal(dump.includes(hidden), false, hidden)
  assert.ok(dump.includes(recordId))
})

for (const bad of ['a{b', 'a}b', '{x}'])
  test(`redisKeys › prefix ${bad} › refused, since it would move the hash tag`, () => {
    assert.throws(() => redisKeys(bad))
  })
