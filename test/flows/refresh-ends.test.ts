import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { send } from '../support/browser.ts'
import { eventually } from '../support/raw.ts'
import { startSecondBroker } from '../support/second-broker.ts'
import type { IssuerScript } from '../support/scripted-issuer.ts'
import { route, startWorld } from '../support/world.ts'

const life = 90

const setUp = async (t: TestContext, script: Partial<IssuerScript> = {}) => {
  const world = await startWorld(t, {
    routes: ({ origin }) => [route('/api/orders', origin, { audience: 'orders' })],
  })
  Object.assign(world.issuer.script, { accessTokenSeconds: life, ...script })
  return { world, user: await world.loggedIn() }
}

/** A grant that the provider took back. */
const takenBack: IssuerScript['interceptToken'] = ({ grantType }, res) => {
  if (grantType !== 'refresh_token') return false
  res.writeHead(400, { 'Content-Type': 'application/json' }).end('{"error":"invalid_grant"}')
  return true
}

test('refresh › invalid_grant (BBA-6.1.2.2-b) › 401 session_expired, asked for once, known to every instance', async (t) => {
  const { world, user } = await setUp(t)
  const second = await startSecondBroker(t, world)
  world.issuer.script.interceptToken = takenBack
  world.clock.advance(life + 1)
  const cookie = user.cookieHeader()
  const answers = await Promise.all(Array.from({ length: 10 }, () => user.call('/api/x')))
  answers.push(await second.call(user, '/api/x'), await user.call('/api/x'))
  for (const answer of answers) {
    assert.equal(answer.status, 401)
    assert.equal(answer.json()['code'], 'session_expired')
    assert.equal(answer.json()['login_url'], '/login')
  }
  assert.equal(world.issuer.grants('refresh_token'), 1)
  assert.equal(world.upstream.seen.length, 0)
  // The store remembers the end: the cookie opens nothing from now on.
  const headers = { cookie, 'sec-fetch-site': 'same-origin' }
  const session = await send(`${world.origin}/session`, { headers })
  assert.equal(session.json()['authenticated'], false)
})

test('refresh › any other refusal › 503, the session stays', async (t) => {
  const { world, user } = await setUp(t)
  for (const error of [
    'invalid_client',
    'unauthorized_client',
    'invalid_scope',
    'invalid_request',
  ]) {
    world.issuer.script.interceptToken = (_request, res) => {
      const status = error === 'invalid_client' ? 401 : 400
      res.writeHead(status, { 'Content-Type': 'application/json' })
      res.end(JSON.stringify({ error, error_description: 'invalid_grant' }))
      return true
    }
    world.clock.advance(life + 1)
    const answer = await user.call('/api/x')
    assert.equal(answer.status, 503, error)
    assert.equal(answer.json()['code'], 'idp_unavailable')
    assert.equal((await user.session())['authenticated'], true)
  }
})

test('refresh › another subject (OIDC-12.2-a, R15) › session_revoked, and what came is revoked', async (t) => {
  const { world, user } = await setUp(t)
  const given: unknown[] = []
  world.issuer.script.alterTokenAnswer = (answer) => {
    given.push(answer['refresh_token'])
    return answer
  }
  world.issuer.script.subject = 'user-2'
  world.clock.advance(life + 1)
  const cookie = user.cookieHeader()
  for (let calls = 0; calls < 2; calls += 1) {
    const headers = { cookie, 'sec-fetch-site': 'same-origin' }
    const answer = await send(`${world.origin}/api/x`, { headers })
    assert.equal(answer.status, 401)
    assert.equal(answer.json()['code'], 'session_revoked')
  }
  assert.equal(world.upstream.seen.length, 0)
  assert.equal(given.length, 1)
  assert.deepEqual(world.issuer.revoked, given)
})

test('refresh › a logout while it is under way (R13) › its result is thrown away and revoked', async (t) => {
  const { world, user } = await setUp(t)
  const given: unknown[] = []
  world.issuer.script.alterTokenAnswer = (answer) => {
    given.push(answer['refresh_token'])
    return answer
  }
  let release = (): void => undefined
  const held = new Promise<false>((resolve) => {
    release = () => resolve(false)
  })
  world.issuer.script.interceptToken = () => held
  world.clock.advance(life + 1)
  const cookie = user.cookieHeader()
  const csrf = await user.csrf()
  const calling = user.call('/api/x')
  await eventually('the grant is asked for', () => world.issuer.grants('refresh_token') === 1)
  await user.call('/logout', { method: 'POST', headers: csrf })
  release()
  const answer = await calling
  assert.equal(answer.status, 401)
  assert.equal(answer.json()['code'], 'session_revoked')
  assert.equal(world.upstream.seen.length, 0)
  await eventually('the late refresh token is revoked', () =>
    world.issuer.revoked.includes(String(given[0])),
  )
  const again = await send(`${world.origin}/api/x`, {
    headers: { cookie, 'sec-fetch-site': 'same-origin' },
  })
  assert.equal(again.json()['code'], 'session_revoked')
})

const withoutRefreshToken: Partial<IssuerScript> = {
  alterTokenAnswer: (answer) => ({ ...answer, refresh_token: undefined }),
}

test('refresh › no refresh token › session_expired when the access token ends, and not before', async (t) => {
  const { world, user } = await setUp(t, withoutRefreshToken)
  world.clock.advance(life - 2)
  assert.equal((await user.call('/api/x')).status, 200)
  world.clock.advance(3)
  for (let calls = 0; calls < 2; calls += 1) {
    const answer = await user.call('/api/x')
    assert.equal(answer.status, 401)
    assert.equal(answer.json()['code'], 'session_expired')
  }
  assert.equal((await user.session())['authenticated'], false)
  assert.equal(world.issuer.grants('refresh_token'), 0)
})

test('refresh › no refresh token, a route with an audience › 503 there, the session lives on', async (t) => {
  const { world, user } = await setUp(t, withoutRefreshToken)
  const answer = await user.call('/api/orders')
  assert.equal(answer.status, 503)
  assert.equal(answer.json()['code'], 'idp_unavailable')
  assert.equal((await user.call('/api/x')).status, 200)
  assert.equal(world.issuer.grants('refresh_token'), 0)
})

test("refresh › none is possible, a route of OIDC_AUDIENCE's audience › the login's own token goes along", async (t) => {
  const world = await startWorld(t, {
    routes: ({ origin }) => [route('/api/orders', origin, { audience: 'orders' })],
    config: (config) => ({ ...config, tenant: { ...config.tenant, audience: 'orders' } }),
  })
  world.issuer.script.alterTokenAnswer = ({ refresh_token: _none, ...answer }) => answer
  const user = await world.loggedIn()
  assert.equal((await user.call('/api/x')).status, 200)
  const own = world.upstream.last().headers.authorization
  assert.equal((await user.call('/api/orders')).status, 200)
  assert.equal(world.upstream.last().headers.authorization, own)
})
