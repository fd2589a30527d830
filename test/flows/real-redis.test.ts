import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Redis } from 'ioredis'
import { redisLane, startRedis } from '../support/redis-server.ts'
import { startReal } from './real-world.ts'

const lane = redisLane()

/** Every key with everything under it, as bytes read one to one. */
const dump = async (url: string): Promise<ReadonlyMap<string, string>> => {
  const redis = new Redis(url)
  try {
    const keys = await redis.keysBuffer('*')
    const entries = await Promise.all(
      keys.map(async (key) => [key.toString('latin1'), await contentOf(redis, key)] as const),
    )
    return new Map(entries)
  } finally {
    redis.disconnect()
  }
}

const contentOf = async (redis: Redis, key: Buffer): Promise<string> => {
  const type = await redis.type(key)
  const parts =
    type === 'string'
      ? [await redis.getBuffer(key)]
      : type === 'zset'
        ? await redis.zrangeBuffer(key, '0', '-1')
        : undefined
  if (parts === undefined) throw new Error(`no reader for a ${type}`)
  return parts.map((part) => part?.toString('latin1') ?? '').join('\n')
}

test(
  'two brokers on one Redis › login on one (C3) › call, session and logout on the other',
  lane,
  async (t) => {
    const redis = await startRedis(t)
    const { second, newPerson } = await startReal(t, { redisUrl: redis.url })
    const { app, logIn } = newPerson()
    await logIn('alice')
    const there = { headers: { host: second.host } }
    assert.equal((await app.call(second.url('/api/me'), there)).json()['sub'], 'alice')
    const session = (await app.call(second.url('/session'), there)).json()
    assert.equal(session['authenticated'], true)
    assert.equal(session['csrf_token'], (await app.session())['csrf_token'])

    const headers = { ...there.headers, ...(await app.csrf()) }
    const cookie = app.cookieHeader()
    const left = await app.call(second.url('/logout'), { method: 'POST', headers })
    assert.equal(left.status, 200)
    const replayed = await app.call('/api/me', { headers: { cookie } })
    assert.deepEqual([replayed.status, replayed.json()['code']], [401, 'session_revoked'])
  },
)

test(
  'two brokers on one Redis › login begun on one › is finished on the other',
  lane,
  async (t) => {
    const redis = await startRedis(t)
    const { second, newPerson } = await startReal(t, { redisUrl: redis.url })
    const { app, openLogin, sendForm } = newPerson()
    const { next } = await openLogin()
    const { pathname, search } = await sendForm(next, 'bob')
    const headers = { host: second.host }
    const landed = await app.visit(second.url(`${pathname}${search}`), 'cross-site', { headers })
    assert.deepEqual([landed.status, landed.headers.location], [303, '/'])
    assert.equal((await app.call('/api/me')).json()['sub'], 'bob')
  },
)

test(
  'two brokers on one Redis, R12 › 40 calls at expiry over both › one refresh, all succeed',
  lane,
  async (t) => {
    const redis = await startRedis(t)
    const { clock, seen, second, newPerson } = await startReal(t, { redisUrl: redis.url })
    const { app, logIn } = newPerson()
    await logIn('alice')
    for (const round of [1, 2]) {
      clock.advance(61)
      const calls = Array.from({ length: 40 }, (_, n) =>
        n % 2 === 0
          ? app.call('/api/me')
          : app.call(second.url('/api/me'), { headers: { host: second.host } }),
      )
      const answers = await Promise.all(calls)
      assert.deepEqual(
        answers.filter(({ status }) => status !== 200).map(({ text }) => text),
        [],
      )
      const tokens = new Set(answers.map((answer) => JSON.stringify(answer.json()['token'])))
      assert.ok(tokens.size >= 1)
      assert.equal(seen.refreshes, round)
    }
  },
)

test('Redis › an anonymous visitor › leaves no key', lane, async (t) => {
  const redis = await startRedis(t)
  const { newPerson } = await startReal(t, { redisUrl: redis.url })
  const { app } = newPerson()
  const planted = { headers: { cookie: 'session=s%3Aplanted.signature' } }
  for (const path of [
    '/',
    '/deep/link',
    '/logout',
    '/logout/callback?state=x',
    '/callback?state=x',
  ])
    await app.visit(path)
  for (const path of ['/session', '/api/me', '/livez', '/readyz'])
    for (const options of [{}, planted]) await app.call(path, options)
  assert.deepEqual([...(await dump(redis.url)).keys()], [])
})

test(
  'Redis, R28 › a dump during a login, after it and after the logout › opens nothing, names nobody',
  lane,
  async (t) => {
    const redis = await startRedis(t)
    const { demo, clock, seen, newPerson } = await startReal(t, { redisUrl: redis.url })
    const { app, openLogin, sendForm, logOut } = newPerson()
    const dumps: string[] = []
    const note = async () => {
      const kept = await dump(redis.url)
      assert.ok(kept.size > 0)
      dumps.push([...kept].flat().join('\n'))
    }
    const { next } = await openLogin('/login?return_to=/secret-place')
    await note()
    const callback = await sendForm(next, 'alice')
    await app.navigate(callback.href, 'cross-site')
    await note()
    const cookies = [...app.cookies().values()].map(({ value }) => decodeURIComponent(value))
    clock.advance(61)
    assert.equal((await app.call('/api/me')).status, 200)
    await note()
    await logOut()
    await note()

    const tokens = seen.answers.flatMap((text) =>
      [...text.matchAll(/"(?:access|refresh|id)_token":"([^"]+)"/g)].map(([, token = '']) => token),
    )
    assert.equal(tokens.length, 6)
    const sessionIds = cookies.map((value) => value.replace(/^s:/, '').replace(/\.[^.]*$/, ''))
    const state = callback.searchParams.get('state') ?? ''
    const people = ['alice', 'Alice', 'Archer', 'alice@demo.example', 'orders-write']
    const secrets = [...tokens, ...cookies, ...sessionIds, state, demo.clientSecret, ...people]
    for (const secret of [...secrets, 'code_verifier', 'secret-place', 'wonderland']) {
      assert.ok(secret.length >= 5)
      for (const text of dumps) assert.ok(!text.includes(secret), `Redis holds ${secret}`)
    }
  },
)
