import assert from 'node:assert/strict'
import { test } from 'node:test'
import { browser, send } from '../support/browser.ts'
import { startMain } from '../support/npm-start.ts'
import { redisLane } from '../support/redis-server.ts'
import { startParts, withoutDevelopment } from './parts.ts'

const lane = redisLane()

test(
  'main › real settings › login, call, restart; the session is still there with its token',
  lane,
  async (t) => {
    const { issuer, upstream, env } = await startParts(t)
    const first = await startMain(t, env)
    assert.deepEqual(first.lines, [`http://localhost:${env.PORT}`])
    const user = browser(first.origin)
    await user.navigate('/login')
    assert.equal((await user.call('/api/things')).status, 200)
    const { authorization } = upstream.last().headers
    assert.match(authorization ?? '', /^Bearer at-/)
    assert.equal(await first.stop(), 0)

    const second = await startMain(t, env)
    assert.equal((await user.session())['authenticated'], true)
    assert.equal((await user.call('/api/things')).status, 200)
    assert.equal(upstream.last().headers.authorization, authorization)
    assert.equal(issuer.grants('authorization_code'), 1)
    assert.equal(issuer.grants('refresh_token'), 0)
    assert.equal(await second.stop('SIGINT'), 0)
    assert.equal(first.complaints() + second.complaints(), '')
  },
)

test('main › no store set › restart ends the session, cookie and all', lane, async (t) => {
  const { env } = await startParts(t)
  const inProcess = { ...env, REDIS_URL: '' }
  const first = await startMain(t, inProcess)
  const user = browser(first.origin)
  await user.navigate('/login')
  assert.equal((await user.session())['authenticated'], true)
  await first.stop()
  await startMain(t, inProcess)
  assert.equal((await user.session())['authenticated'], false)
  assert.equal((await user.call('/api/things')).status, 401)
})

test(
  'main › a secret changed at the restart › nobody is logged in, nothing breaks',
  lane,
  async (t) => {
    const { env } = await startParts(t)
    const first = await startMain(t, env)
    const user = browser(first.origin)
    await user.navigate('/login')
    await first.stop()
    await startMain(t, { ...env, SESSION_SECRET: 'another-signing-secret-of-enough-length' })
    assert.equal((await user.session())['authenticated'], false)
    await user.navigate('/login')
    assert.equal((await user.session())['authenticated'], true)
  },
)

test('main › secrets rotated, the old one second › the session stands', lane, async (t) => {
  const { env } = await startParts(t)
  const first = await startMain(t, env)
  const user = browser(first.origin)
  await user.navigate('/login')
  await first.stop()
  const key = `k2:${Buffer.alloc(32, 4).toString('base64')}`
  await startMain(t, {
    ...env,
    SESSION_SECRET: `a-new-signing-secret-of-enough-length!,${env.SESSION_SECRET}`,
    SESSION_KEYS: `${key},${env.SESSION_KEYS}`,
  })
  assert.equal((await user.session())['authenticated'], true)
  assert.equal((await user.call('/api/things')).status, 200)
})

test(
  'main › production settings, no development packages › starts, and serves its own host alone',
  lane,
  async (t) => {
    const { env } = await startParts(t)
    const production = {
      ...env,
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      BASE_URL: 'https://app.example',
      OIDC_ISSUER: 'https://id.example',
    }
    const main = await startMain(t, production, { nodeArgs: withoutDevelopment })
    assert.deepEqual(main.lines, ['https://app.example'])
    const origin = `http://127.0.0.1:${env.PORT}`
    assert.equal((await send(`${origin}/readyz`)).status, 200)
    assert.equal((await send(`${origin}/session`)).status, 421)
    const session = await send(`${origin}/session`, { headers: { host: 'app.example' } })
    assert.deepEqual(session.json(), { authenticated: false, login_url: '/login' })
    assert.notEqual(session.headers['strict-transport-security'], undefined)
    assert.equal(await main.stop(), 0)
  },
)
