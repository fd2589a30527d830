import assert from 'node:assert/strict'
import { test } from 'node:test'
import { until } from '../process/parts.ts'
import type { Answer } from '../support/browser.ts'
import { redisLane, startRedis } from '../support/redis-server.ts'
import type { Person } from './real-world.ts'
import { startReal } from './real-world.ts'

const lane = redisLane()
/** Everything acknowledged is on the disk: a killed Redis comes back with it. */
const durable = ['--save', '', '--appendonly', 'yes', '--appendfsync', 'always']

const expectUnavailable = (answer: Answer): void => {
  assert.equal(answer.status, 503)
  assert.equal(answer.json()['code'], 'store_unavailable')
  assert.match(answer.headers['retry-after'] ?? '', /^[1-9]\d*$/)
  assert.equal(answer.headers['set-cookie'], undefined)
}

const expectDown = async ({ app }: Person): Promise<void> => {
  assert.equal((await app.call('/livez')).status, 200)
  const ready = await app.call('/readyz')
  assert.equal(ready.status, 503)
  assert.match(ready.headers['content-type'] ?? '', /^application\/json/)
  const checks = ready.json()['checks'] as Record<string, { readonly status: string }>
  assert.deepEqual(
    [checks['store']?.status, checks['provider']?.status, checks['process']?.status],
    ['lost', 'ok', 'ok'],
  )
  expectUnavailable(await app.call('/session'))
  expectUnavailable(await app.call('/api/me'))
}

const isBack = ({ app }: Person) =>
  until(async () => (await app.call('/session')).json()['authenticated'] === true)

test(
  'Redis killed › no answer says logged out; back with its data, the session goes on',
  lane,
  async (t) => {
    const redis = await startRedis(t, durable)
    const { newPerson } = await startReal(t, { redisUrl: redis.url })
    const person = newPerson()
    await person.logIn('alice')
    const cookie = person.app.cookieHeader()
    await redis.kill()
    await expectDown(person)
    assert.equal((await person.app.visit('/')).status, 200)
    await redis.start()
    await isBack(person)
    assert.equal(person.app.cookieHeader(), cookie)
    assert.equal((await person.app.call('/api/me')).json()['sub'], 'alice')
    assert.equal((await person.app.call('/readyz')).status, 200)
  },
)

test(
  'Redis killed between login and callback, R28 › 503, no cookie, no session afterwards',
  lane,
  async (t) => {
    const redis = await startRedis(t, durable)
    const { newPerson } = await startReal(t, { redisUrl: redis.url })
    const { app, openLogin, sendForm, logIn } = newPerson()
    const callback = await sendForm((await openLogin()).next, 'alice')
    await redis.kill()
    const failed = await app.visit(callback.href, 'cross-site')
    assert.equal(failed.status, 503)
    assert.equal(failed.headers['set-cookie'], undefined)
    assert.match(failed.text, /store_unavailable/)
    await redis.start()
    await until(async () => (await app.call('/readyz')).status === 200)
    assert.equal((await app.session())['authenticated'], false)
    await logIn('alice')
    assert.equal((await app.session())['authenticated'], true)
  },
)

test(
  'Redis killed during a logout › 503, the cookie stays, the session is not half ended',
  lane,
  async (t) => {
    const redis = await startRedis(t, durable)
    const { newPerson } = await startReal(t, { redisUrl: redis.url })
    const person = newPerson()
    await person.logIn('alice')
    const headers = await person.app.csrf()
    await redis.kill()
    expectUnavailable(await person.app.call('/logout', { method: 'POST', headers }))
    await redis.start()
    await isBack(person)
    assert.equal((await person.app.call('/logout', { method: 'POST', headers })).status, 200)
    assert.equal((await person.app.session())['authenticated'], false)
  },
)

const answerMs = 2_000

test('Redis frozen › each answer within 2 s; thawed, the session goes on', lane, async (t) => {
  const redis = await startRedis(t)
  const { newPerson } = await startReal(t, { redisUrl: redis.url })
  const person = newPerson()
  await person.logIn('alice')
  const { app } = person
  const headers = await app.csrf()
  redis.freeze()
  const calls: Readonly<Record<string, () => Promise<Answer>>> = {
    '/readyz': () => app.call('/readyz'),
    '/session': () => app.call('/session'),
    '/api/me': () => app.call('/api/me'),
    'POST /api/orders': () => app.call('/api/orders', { method: 'POST', headers, body: '{}' }),
    'POST /logout': () => app.call('/logout', { method: 'POST', headers }),
    '/login': () => app.visit('/login'),
  }
  for (const [what, call] of Object.entries(calls)) {
    const startedMs = performance.now()
    const { status } = await call()
    const tookMs = performance.now() - startedMs
    assert.equal(status, 503, what)
    assert.ok(tookMs < answerMs, `${what} took ${tookMs} ms`)
  }
  assert.equal((await app.call('/livez')).status, 200)
  redis.thaw()
  await until(async () => (await app.call('/session')).status === 200)
  assert.equal((await app.session())['authenticated'], true)
})
