import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { BrokerError } from '../../server/core/errors.ts'
import { memoryBackend } from '../../server/session/memory-backend.ts'
import { eventually } from '../support/raw.ts'
import { startSecondBroker } from '../support/second-broker.ts'
import type { World, WorldOptions } from '../support/world.ts'
import { route, startWorld, testClock } from '../support/world.ts'

const life = 90

const setUp = async (t: TestContext, options: WorldOptions = {}) => {
  const world = await startWorld(t, options)
  world.issuer.script.accessTokenSeconds = life
  const user = await world.loggedIn()
  const refreshes = () => world.issuer.grants('refresh_token')
  /** The token the upstream gets on one call. */
  const tokenNow = async (path = '/api/x') => {
    const answer = await user.call(path)
    assert.equal(answer.status, 200, answer.text)
    return world.upstream.last().headers.authorization
  }
  return { world, user, refreshes, tokenNow }
}

const tokensSeen = (world: World) =>
  new Set(world.upstream.seen.map(({ headers }) => headers.authorization))

test('refresh › 50 calls at expiry (SBCP-4.14-a, R12) › one grant, all with the new token', async (t) => {
  const { world, user, refreshes, tokenNow } = await setUp(t)
  const old = await tokenNow()
  world.upstream.seen.length = 0
  world.clock.advance(life + 1)
  world.issuer.script.delayMs = 100
  const answers = await Promise.all(Array.from({ length: 50 }, () => user.call('/api/x')))
  assert.ok(answers.every(({ status }) => status === 200))
  assert.equal(refreshes(), 1)
  assert.equal(world.upstream.seen.length, 50)
  assert.equal(tokensSeen(world).size, 1)
  assert.ok(!tokensSeen(world).has(old))
})

test('refresh › 50 calls on two instances (SBCP-4.14-a, R12) › one grant, all with the new token', async (t) => {
  const { world, user, refreshes } = await setUp(t)
  const second = await startSecondBroker(t, world)
  world.clock.advance(life + 1)
  world.issuer.script.delayMs = 100
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, i) =>
      i % 2 === 0 ? user.call('/api/x') : second.call(user, '/api/x'),
    ),
  )
  assert.ok(answers.every(({ status }) => status === 200))
  assert.equal(refreshes(), 1)
  assert.equal(tokensSeen(world).size, 1)
})

test('refresh › several in a row › each with the token the last one brought, client authenticated (C4, BBA-6.1.2.2-a, OIDC-12.1-a)', async (t) => {
  const { world, refreshes, tokenNow } = await setUp(t)
  const tokens = new Set([await tokenNow()])
  for (let turn = 1; turn <= 3; turn += 1) {
    world.clock.advance(life + 1)
    tokens.add(await tokenNow())
    assert.equal(refreshes(), turn)
  }
  assert.equal(tokens.size, 4)
  const sent = world.issuer.tokenRequests.slice(1)
  assert.equal(new Set(sent.map(({ parameters }) => parameters.get('refresh_token'))).size, 3)
  assert.ok(sent.every(({ authorization }) => authorization?.startsWith('Basic ')))
})

test('refresh › for two audiences at once (SBCP-4.14-a) › one after the other, no refresh token twice', async (t) => {
  const { world, user, refreshes } = await setUp(t, {
    routes: ({ origin }) => [
      route('/api/a', origin, { audience: 'a' }),
      route('/api/b', origin, { audience: 'b' }),
    ],
  })
  world.issuer.script.delayMs = 50
  const paths = ['/api/a', '/api/b', '/api/a', '/api/b']
  const answers = await Promise.all(paths.map((path) => user.call(path)))
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200, 200],
  )
  assert.equal(refreshes(), 2)
})

test('refresh › ahead of time › behind the old token, whose caller waits for nothing', async (t) => {
  const { world, refreshes, tokenNow } = await setUp(t)
  const old = await tokenNow()
  let release = (): void => undefined
  const held = new Promise<false>((resolve) => {
    release = () => resolve(false)
  })
  world.issuer.script.interceptToken = () => held
  world.clock.advance(life - 20)
  // The provider is silent: only a caller that does not wait gets an answer here.
  for (let calls = 0; calls < 3; calls += 1) assert.equal(await tokenNow(), old)
  assert.equal(refreshes(), 1)
  release()
  let token = await tokenNow()
  for (let tries = 0; token === old && tries < 100; tries += 1) token = await tokenNow()
  assert.notEqual(token, old)
  assert.equal(refreshes(), 1)
})

test('refresh › well before the end › not done', async (t) => {
  const { world, refreshes, tokenNow } = await setUp(t)
  world.clock.advance(life - 31)
  await tokenNow()
  assert.equal(refreshes(), 0)
})

for (const [name, missing] of [
  ['refresh token (not rotated, C4)', 'refresh_token'],
  ['ID token (OIDC-12.2-c)', 'id_token'],
] as const)
  test(`refresh › an answer without ${name} › the old one is kept`, async (t) => {
    const { world, user, refreshes, tokenNow } = await setUp(t)
    const sent: (string | null)[] = []
    world.issuer.script.alterTokenAnswer = (answer, grantType) =>
      grantType === 'refresh_token' ? { ...answer, [missing]: undefined } : answer
    world.issuer.script.interceptToken = ({ parameters }, res) => {
      sent.push(parameters.get('refresh_token'))
      if (missing === 'id_token') return false
      // A provider that does not rotate takes the same refresh token again.
      const token = { access_token: `at-${refreshes()}`, token_type: 'Bearer', expires_in: life }
      res.setHeader('Content-Type', 'application/json').end(JSON.stringify(token))
      return true
    }
    for (let turn = 1; turn <= 2; turn += 1) {
      world.clock.advance(life + 1)
      await tokenNow()
    }
    assert.equal(refreshes(), 2)
    assert.equal(new Set(sent).size, missing === 'refresh_token' ? 1 : 2)
    assert.equal((await user.session())['authenticated'], true)
    const left = await user.call('/logout', { method: 'POST', headers: await user.csrf() })
    assert.equal(left.status, 200)
    assert.equal(world.issuer.revoked.length, 1)
  })

test('refresh › the store fails when the answer comes home › saved as soon as it can be', async (t) => {
  const memory = memoryBackend({ clock: testClock() })
  const store = { writes: 0, failing: [0, 0] }
  const backend: typeof memory = {
    ...memory,
    update: async (...call) => {
      store.writes += 1
      const [fails, failsLate] = store.failing
      if (store.writes !== fails && store.writes !== failsLate) return await memory.update(...call)
      // The second failure has taken effect all the same.
      if (store.writes === failsLate) await memory.update(...call)
      throw new BrokerError('store_unavailable')
    },
  }
  const { world, refreshes, tokenNow } = await setUp(t, { backend })
  for (let turn = 1; turn <= 2; turn += 1) {
    world.clock.advance(life + 1)
    // The first write is the intent; the answer's are the next.
    store.failing = [store.writes + 2, store.writes + 3]
    const token = await tokenNow()
    assert.equal(await tokenNow(), token)
    assert.equal(refreshes(), turn)
  }
})

test('refresh › the store is silent when the answer comes home (R28) › 503 in 2 s, saved when it is back, no second grant', async (t) => {
  const memory = memoryBackend({ clock: testClock() })
  const store = { writes: 0, release: (): void => undefined }
  const silence = new Promise<void>((resolve) => {
    store.release = resolve
  })
  const backend: typeof memory = {
    ...memory,
    update: async (...call) => {
      store.writes += 1
      if (store.writes === 2) await silence
      return await memory.update(...call)
    },
  }
  const { world, user, refreshes, tokenNow } = await setUp(t, { backend })
  world.clock.advance(life + 1)
  const startMs = performance.now()
  const answer = await user.call('/api/x')
  assert.ok(performance.now() - startMs < 2_000)
  assert.equal(answer.status, 503)
  assert.equal(answer.json()['code'], 'store_unavailable')
  store.release()
  await tokenNow()
  assert.equal(refreshes(), 1)
})

test('refresh › under way when the broker closes › waited for, and saved', async (t) => {
  const { world, user, refreshes } = await setUp(t)
  const second = await startSecondBroker(t, world)
  world.clock.advance(life + 1)
  world.issuer.script.delayMs = 200
  const calling = second.call(user, '/api/x')
  await eventually('the grant is asked for', () => refreshes() === 1)
  await second.broker.close()
  await calling.catch(() => undefined)
  assert.equal((await user.call('/api/x')).status, 200)
  assert.equal(refreshes(), 1)
})
