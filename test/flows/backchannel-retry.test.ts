import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Backend } from '../../server/session/backend.ts'
import { send } from '../support/browser.ts'
import { redisLane, startRedis } from '../support/redis-server.ts'
import { redisStore } from '../support/redis-store.ts'
import { scriptedClient } from '../support/scripted-issuer.ts'
import { startSecondBroker } from '../support/second-broker.ts'
import { spyBackend } from '../support/spy-backend.ts'
import type { World } from '../support/world.ts'
import { startWorld } from '../support/world.ts'

const lane = { ...redisLane(), timeout: 60_000 }
/** Everything acknowledged is on the disk. */
const durable = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always']

const event = 'http://schemas.openid.net/event/backchannel-logout'

const logoutToken = ({ issuer, clock }: World): Promise<string> => {
  const iat = Math.floor(clock.nowMs() / 1_000)
  const base = { iss: issuer.issuer, aud: scriptedClient.id, iat, exp: iat + 120 }
  const order = { jti: randomUUID(), sid: 'op-session-1', events: { [event]: {} } }
  return issuer.sign({ ...base, ...order }, { typ: 'logout+jwt' })
}

const post = async (origin: string, token: string): Promise<number> => {
  const body = new URLSearchParams({ logout_token: token }).toString()
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return (await send(`${origin}/backchannel-logout`, { method: 'POST', headers, body })).status
}

const stores: readonly (readonly [
  string,
  object,
  (t: TestContext) => Promise<Backend | undefined>,
])[] = [
  ['memory', {}, () => Promise.resolve(undefined)],
  ['Redis', lane, async (t) => redisStore(await startRedis(t))],
]

for (const [name, options, store] of stores)
  for (const verb of ['raiseMark', 'listed', 'readListing', 'end', 'putOnce'] as const)
    test(
      `backchannel-logout › on ${name}, the store fails at ${verb} (BCL-2.8-a, BCL-2.6-8) › 400; the same token again carries it out, and is used up`,
      options,
      async (t) => {
        const spy = spyBackend(await store(t))
        const world = await startWorld(t, { backend: spy.backend })
        const user = await world.loggedIn()
        const token = await logoutToken(world)
        spy.down.add(verb)
        assert.equal(await post(world.origin, token), 400)
        assert.notEqual(spy.count(verb), 0)
        spy.down.clear()
        assert.equal(await post(world.origin, token), 200)
        assert.equal((await user.call('/api/x')).json()['code'], 'session_revoked')
        assert.equal(await post(world.origin, token), 400)
      },
    )

test(
  'backchannel-logout › Redis falls silent in the middle of it (BCL-2.8-a, R28) › 400; the same token again ends the session',
  lane,
  async (t) => {
    const redis = await startRedis(t, durable)
    const inner = redisStore(redis)
    let isArmed = true
    const listed: Backend['listed'] = async (list) => {
      if (isArmed) redis.freeze()
      isArmed = false
      return await inner.listed(list)
    }
    const world = await startWorld(t, { backend: { ...inner, listed } })
    const user = await world.loggedIn()
    const token = await logoutToken(world)
    assert.equal(await post(world.origin, token), 400)
    redis.thaw()
    let status = 400
    for (let tries = 0; tries < 20 && status === 400; tries += 1)
      status = await post(world.origin, token)
    assert.equal(status, 200)
    assert.equal((await user.call('/api/x')).json()['code'], 'session_revoked')
  },
)

test(
  'backchannel-logout › one token at two instances at once (BCL-2.6-8) › one accepts it, the other 400, the session is over for both',
  lane,
  async (t) => {
    const redis = await startRedis(t)
    const world = await startWorld(t, { backend: redisStore(redis) })
    const second = await startSecondBroker(t, world, redisStore(redis))
    for (let round = 0; round < 5; round += 1) {
      const user = await world.loggedIn()
      const token = await logoutToken(world)
      const both = [world.origin, second.origin].map((origin) => post(origin, token))
      assert.deepEqual((await Promise.all(both)).toSorted(), [200, 400])
      for (const answer of [await user.call('/api/x'), await second.call(user, '/api/x')])
        assert.equal(answer.json()['code'], 'session_revoked')
      world.clock.advance(10)
    }
  },
)
