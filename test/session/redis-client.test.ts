import type { TestContext } from 'node:test'
import type { RedisSettings } from '../../server/config/config.ts'
import type { RecordId } from '../../server/core/ids.ts'
import type { Backend } from '../../server/session/backend.ts'
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { inspect } from 'node:util'
import { systemClock } from '../../server/core/clock.ts'
import { silentLog } from '../../server/core/log.ts'
import { BrokerError } from '../../server/core/errors.ts'
import { secret } from '../../server/core/secret.ts'
import { redisBackend } from '../../server/session/redis-backend.ts'
import { connectRedis } from '../../server/session/redis-client.ts'
import { backendContract, someId } from '../support/backend-contract.ts'
import { freePort, redisLane, startRedis, startSentinel } from '../support/redis-server.ts'

const lane = redisLane()
const life = { idleSeconds: 60, absoluteSeconds: 600 }
const sealed = Buffer.from('sealed')

// A node that never met another does not know its own address.
const clusterArgs = ['--save', '', '--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1']

/** A Cluster of one node: enough to refuse a script whose keys lie in different slots. */
const startCluster = async (t: Parameters<typeof startRedis>[0]) => {
  const server = await startRedis(t, clusterArgs)
  const settings = { nodes: secret([server.url]), prefix: '', tlsVerify: true }
  const admin = connectRedis(settings, () => undefined)
  const isUp = async () => String(await admin.call('CLUSTER', 'INFO')).includes('cluster_state:ok')
  try {
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', '0', '16383')
    while (!(await isUp())) await sleep(50)
  } finally {
    admin.disconnect()
  }
  return server
}

// Before the first test: while a file waits, the tests it has so far run and end, and `after` with them.
const cluster = lane.skip === false ? await startCluster({ after }) : undefined
const clusterNodes = [cluster?.url ?? '', `redis://127.0.0.1:${await freePort()}`]

const connect = (t: TestContext, nodes: readonly string[], change: Partial<RedisSettings> = {}) => {
  const settings = { nodes: secret(nodes), prefix: 'k:', tlsVerify: true, ...change }
  const errors: Error[] = []
  const client = connectRedis(settings, (error) => errors.push(error))
  const backend = redisBackend({
    client,
    prefix: settings.prefix,
    clock: systemClock,
    log: silentLog,
  })
  t.after(backend.close)
  return { backend, client, errors }
}

const verbs: Readonly<Record<string, (backend: Backend, id: RecordId) => Promise<unknown>>> = {
  create: (backend, id) => backend.create(id, 'session', sealed, life),
  read: (backend, id) => backend.read(id, 60),
  update: (backend, id) => backend.update(id, 'session', 1, sealed),
  end: (backend, id) => backend.end(id, 'session_revoked', 60),
  lock: (backend, id) => backend.lock(id, 'refresh', 1_000),
  unlock: (backend, id) => backend.unlock(id, 'refresh', 1),
  putLogin: (backend, id) => backend.putLogin(id, 's', { pending: sealed, return: sealed, ttlMs: 1_000, cap: 20 }), // prettier-ignore
  takeLogin: (backend, id) => backend.takeLogin(id, 's'),
  put: (backend, id) => backend.put(id, sealed, 1_000),
  take: (backend, id) => backend.take(id),
  ping: (backend) => backend.ping(),
}

/** Every verb says store_unavailable within 2 s. */
const allFailInTime = async (backend: Backend): Promise<void> => {
  const startMs = performance.now()
  for (const [name, error] of await Promise.all(
    Object.entries(verbs).map(
      async ([verb, run]) => [verb, await run(backend, someId()).catch((e: unknown) => e)] as const,
    ),
  ))
    assert.ok(error instanceof BrokerError && error.code === 'store_unavailable', name)
  const tookMs = performance.now() - startMs
  assert.ok(tookMs < 2_000, `${tookMs} ms`)
}

/** Every verb works again, soon and by itself. */
const heals = async (backend: Backend, withinMs = 4_000): Promise<void> => {
  const untilMs = performance.now() + withinMs
  const tryPing = () => backend.ping().then(() => true, () => false) // prettier-ignore
  while (!(await tryPing())) {
    assert.ok(performance.now() < untilMs, `not healed in ${withinMs} ms`)
    await sleep(50)
  }
  for (const run of Object.values(verbs)) await run(backend, someId())
}

test(
  'connectRedis › R28 Redis is killed and comes back › 503 within 2 s, then heals',
  lane,
  async (t) => {
    const server = await startRedis(t)
    const { backend, errors } = connect(t, [server.url])
    const id = someId()
    await backend.create(id, 'session', sealed, life)
    const inFlight = backend.read(id).catch(() => undefined)
    await server.kill()
    await inFlight
    for (let times = 0; times < 3; times += 1) await allFailInTime(backend)
    await server.start()
    await heals(backend)
    assert.ok(errors.length > 0)
  },
)

test('connectRedis › R28 Redis freezes › 503 within 2 s each time, then heals', lane, async (t) => {
  const server = await startRedis(t)
  const { backend } = connect(t, [server.url])
  const id = someId()
  await backend.create(id, 'session', sealed, life)
  server.freeze()
  for (let times = 0; times < 3; times += 1) await allFailInTime(backend)
  server.thaw()
  await heals(backend)
  assert.equal((await backend.read(id)).kind, 'live')
})

test('connectRedis › frozen for a moment only › the next call works', lane, async (t) => {
  const server = await startRedis(t)
  const { backend } = connect(t, [server.url])
  await backend.ping()
  server.freeze()
  const waiting = backend.read(someId())
  await sleep(300)
  server.thaw()
  assert.deepEqual(await waiting, { kind: 'missing' })
})

test(
  'connectRedis › Redis is not up at the start › 503 within 2 s, then heals',
  lane,
  async (t) => {
    const server = await startRedis(t)
    await server.kill()
    const { backend } = connect(t, [server.url])
    await allFailInTime(backend)
    await server.start()
    await heals(backend)
  },
)

test('connectRedis › the connection is lost in flight › nothing is sent twice', lane, async (t) => {
  const server = await startRedis(t)
  const { backend, client } = connect(t, [server.url])
  const other = connect(t, [server.url])
  await backend.lock(someId(), 'refresh', 60_000)
  // The lock is taken in the moment when Redis thaws, and its answer is lost with the connection. Sent again,
  // it would meet its own lock and say "another holds it".
  const own = String(await client.client('ID'))
  server.freeze()
  const lost = backend.lock(someId(), 'refresh', 60_000).catch((e: unknown) => e)
  const killed = other.client.call('CLIENT', 'KILL', 'ID', own)
  await sleep(100)
  server.thaw()
  await killed
  assert.notEqual(await lost, undefined)
})

test('connectRedis › a wrong password › 503, and no error shows it', lane, async (t) => {
  const server = await startRedis(t, ['--requirepass', 'right'])
  const { backend, errors } = connect(t, [`redis://:wr%2Fong@127.0.0.1:${server.port}`])
  await allFailInTime(backend)
  assert.ok(errors.some(({ message }) => message.startsWith('WRONGPASS')))
  assert.equal(inspect(errors, { depth: 9, showHidden: true }).includes('wr/ong'), false)
  await connect(t, [`redis://:right@127.0.0.1:${server.port}/3`]).backend.ping()
})

test('connectRedis › rediss with a CA › passes both to TLS', (t) => {
  const url = 'rediss://user:p%40ss@127.0.0.1:1/2'
  const { client } = connect(t, [url], { ca: 'PEM', tlsVerify: false })
  const { username, password, ...options } = client.options as Readonly<Record<string, unknown>>
  assert.deepEqual([username, password, options['db']], ['user', 'p@ss', 2])
  assert.deepEqual(options['tls'], { ca: 'PEM', rejectUnauthorized: false })
})

backendContract('redis cluster', { make: (t) => connect(t, clusterNodes).backend, ...lane })

test(
  'connectRedis › a Cluster is killed and comes back › 503 within 2 s, then heals',
  lane,
  async (t) => {
    const server = await startCluster(t)
    const { backend } = connect(t, [server.url, server.url])
    await backend.ping()
    server.freeze()
    for (let times = 0; times < 2; times += 1) await allFailInTime(backend)
    server.thaw()
    await heals(backend)
    await server.kill()
    for (let times = 0; times < 2; times += 1) await allFailInTime(backend)
    await server.start()
    await heals(backend, 6_000)
  },
)

test(
  'connectRedis › Sentinels name the master › works, fails in time and heals',
  lane,
  async (t) => {
    const server = await startRedis(t)
    const sentinel = await startSentinel(t, 'main', server.port)
    const nodes = [`redis://127.0.0.1:${await freePort()}`, sentinel.url]
    const { backend } = connect(t, nodes, { sentinel: { name: 'main' } })
    await heals(backend)
    await server.kill()
    for (let times = 0; times < 2; times += 1) await allFailInTime(backend)
    await server.start()
    await heals(backend)
  },
)
