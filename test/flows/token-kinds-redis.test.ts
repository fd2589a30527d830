import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { secret } from '../../server/core/secret.ts'
import { redisLane, startRedis } from '../support/redis-server.ts'
import { Redis } from 'ioredis'
import { silentLog } from '../../server/core/log.ts'
import { redisBackend } from '../../server/session/redis-backend.ts'
import { connectRedis } from '../../server/session/redis-client.ts'
import { testClock } from '../support/world.ts'
import { startSecondBroker } from '../support/second-broker.ts'
import { limit, startKinds, tokenOtherThan } from './token-kinds-world.ts'

const lane = { ...redisLane(), ...limit }

/** Two brokers, each with connections of its own to one Redis. */
const startPair = async (t: TestContext) => {
  const { url } = await startRedis(t)
  const settings = { nodes: secret([url]), prefix: 'latchkey:', tlsVerify: true }
  const backendOn = () => {
    const client = connectRedis(settings, () => undefined)
    return redisBackend({ client, prefix: settings.prefix, clock: testClock(), log: silentLog })
  }
  const kinds = await startKinds(t, { backend: backendOn() })
  const second = await startSecondBroker(t, kinds.world, backendOn())
  const both = (path: string, calls: number) =>
    Promise.all(
      Array.from({ length: calls }, (_, i) =>
        i % 2 === 0 ? kinds.user.call(path) : second.call(kinds.user, path),
      ),
    )
  const tokensSeen = () =>
    new Set(kinds.world.upstream.seen.map(({ headers }) => headers.authorization))
  return { ...kinds, second, both, url, tokensSeen }
}

test('service › 100 calls at once on two brokers over Redis (SBCP-4.14-a) › one grant in the cluster', lane, async (t) => {
  const { script, services, both, tokensSeen } = await startPair(t)
  script.delayMs = 300
  const answers = await both('/service/x', 100)
  assert.ok(answers.every(({ status }) => status === 200))
  assert.equal(services().length, 1)
  assert.equal(tokensSeen().size, 1)
}) // prettier-ignore

test('service › calls on both brokers while the token nears its end › one grant more, and both go over to it', lane, async (t) => {
  const { world, user, second, services, both, tokenAt } = await startPair(t)
  const old = await tokenAt('/service/x')
  await second.call(user, '/service/x')
  world.clock.advance(280)
  const answers = await both('/service/x', 40)
  assert.ok(answers.every(({ status }) => status === 200))
  const here = await tokenOtherThan(old, () => tokenAt('/service/x'))
  const there = await tokenOtherThan(old, async () => {
    await second.call(user, '/service/x')
    return world.upstream.last().headers.authorization?.replace('Bearer ', '')
  })
  assert.equal(here, there)
  assert.equal(services().length, 2)
}) // prettier-ignore

test('service › a refusal on one broker › the other asks no sooner', lane, async (t) => {
  const { script, services, both } = await startPair(t)
  script.intercept = (res) => {
    res.writeHead(400, { 'Content-Type': 'application/json' }).end('{"error":"invalid_scope"}')
    return true
  }
  const answers = await both('/service/x', 20)
  assert.ok(answers.every(({ status }) => status === 502))
  assert.equal(services().length, 1)
}) // prettier-ignore

test('service, exchange › a dump of Redis › no token and no audience in it', lane, async (t) => {
  const { url, tokenAt } = await startPair(t)
  const tokens = [await tokenAt('/service/x'), await tokenAt('/exchange/x')]
  const redis = new Redis(url)
  t.after(() => redis.disconnect())
  const keys = await redis.keys('*')
  const values = await Promise.all(keys.map((key) => redis.getBuffer(key).catch(() => null)))
  const text = [...keys, ...values.map((value) => value?.toString('latin1') ?? '')].join('\n')
  assert.ok(text.length > 500)
  for (const word of [...tokens, 'stock', 'billing']) assert.ok(!text.includes(word ?? '?'))
}) // prettier-ignore

test('exchange › calls on both brokers over Redis while the login is refreshed › all answered, one refresh, tokens kept for both', lane, async (t) => {
  const { world, exchanges, both, tokenAt } = await startPair(t)
  world.issuer.script.accessTokenSeconds = 90
  world.clock.advance(3_590)
  // Redis has a clock of its own, by which the session lives on.
  const answers = await Promise.all([both('/exchange/x', 20), both('/api/x', 20)])
  assert.deepEqual([...new Set(answers.flat().map(({ status }) => status))], [200])
  assert.equal(world.issuer.grants('refresh_token'), 1)
  assert.ok(exchanges().length <= 2, String(exchanges().length))
  const asked = exchanges().length
  await both('/exchange/x', 10)
  await tokenAt('/exchange/x')
  assert.equal(exchanges().length, asked)
}) // prettier-ignore
