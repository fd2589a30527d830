import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Browser } from '../support/browser.ts'
import { ask, asksAllowed } from '../support/forward-auth.ts'
import { authorizationRequest } from '../support/login-steps.ts'
import { eventually } from '../support/raw.ts'
import { redisLane, startRedis } from '../support/redis-server.ts'
import { redisStore } from '../support/redis-store.ts'
import { startSecondBroker } from '../support/second-broker.ts'
import { stepUpUrl } from '../support/step-up.ts'
import type { World, WorldOptions } from '../support/world.ts'
import { route, startWorld } from '../support/world.ts'

const life = 300
const lane = { ...redisLane(), timeout: 60_000 }
const claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'

const refuseWith = (
  { issuer }: World,
  body: object | undefined,
  isMeant = (_parameters: URLSearchParams): boolean => true,
): void => {
  issuer.script.interceptToken = ({ grantType, parameters }, res) => {
    if (body === undefined || grantType !== 'refresh_token' || !isMeant(parameters)) return false
    res.writeHead(400, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
    return true
  }
}

const setUp = async (t: TestContext, options: WorldOptions = {}) => {
  const world = await startWorld(t, options)
  world.issuer.script.accessTokenSeconds = life
  const user = await world.loggedIn()
  const refreshes = () => world.issuer.grants('refresh_token')
  return { world, user, refreshes }
}

const codeOf = async (user: Browser, path = '/api/x') => {
  const answer = await user.call(path)
  return [answer.status, answer.json()['code']]
}

for (const [error, prompt] of [
  ['interaction_required', 'login'],
  ['login_required', 'login'],
  ['consent_required', 'consent'],
  ['account_selection_required', 'select_account'],
] as const)
  test(`refresh › ${error} › the token is used to its end, then 401 step_up_required with prompt=${prompt}; after the login the call passes`, async (t) => {
    const { world, user, refreshes } = await setUp(t)
    refuseWith(world, { error, error_description: 'invalid_grant' })
    world.clock.advance(life - 10)
    for (let calls = 0; calls < 3; calls += 1) assert.equal((await user.call('/api/x')).status, 200)
    await eventually('it was refused', () => refreshes() === 1)
    world.clock.advance(11)
    const url = await stepUpUrl(user, '/api/x', { referer: `${world.origin}/orders` })
    assert.equal((await user.session())['authenticated'], true)
    assert.equal(world.upstream.seen.length, 3)
    const { searchParams } = await authorizationRequest(user, url)
    assert.deepEqual(searchParams.getAll('prompt'), [prompt])
    assert.equal((await user.navigate(url, 'same-origin')).url, `${world.origin}/orders`)
    assert.equal((await user.call('/api/x')).status, 200)
  })

test('refresh › interaction_required with claims › the login asks for them, and for nothing else', async (t) => {
  const { world, user } = await setUp(t)
  refuseWith(world, { error: 'interaction_required', claims })
  world.clock.advance(life + 1)
  const { searchParams } = await authorizationRequest(user, await stepUpUrl(user))
  assert.deepEqual([searchParams.get('claims'), searchParams.get('prompt')], [claims, null])
})

const hostile: Readonly<Record<string, unknown>> = {
  'claims of the ID token': '{"id_token":{"sub":{"value":"user-2"}},"access_token":{"a":null}}',
  'claims that are no JSON': 'prompt=none',
  'claims as an object': { access_token: { acrs: null } },
  'claims of 5 kB': JSON.stringify({ access_token: { a: { value: 'x'.repeat(5_000) } } }),
}

for (const [name, asked] of Object.entries(hostile))
  test(`refresh › interaction_required with ${name} (STEP-x) › none of it goes on, the login asks anew`, async (t) => {
    const { world, user } = await setUp(t)
    refuseWith(world, { error: 'interaction_required', claims: asked })
    world.clock.advance(life + 1)
    const { searchParams } = await authorizationRequest(user, await stepUpUrl(user))
    assert.deepEqual([searchParams.get('claims'), searchParams.get('prompt')], [null, 'login'])
  })

test('refresh › interaction_required of eight sessions › asked once each in a minute, on any instance; nobody else is held up', async (t) => {
  const { world, user, refreshes } = await setUp(t)
  const second = await startSecondBroker(t, world)
  const people = await Promise.all(Array.from({ length: 8 }, () => world.loggedIn()))
  refuseWith(world, { error: 'interaction_required', claims })
  world.clock.advance(life + 1)
  for (const person of people) for (let calls = 0; calls < 3; calls += 1) await stepUpUrl(person)
  for (const person of people)
    assert.equal((await second.call(person, '/api/x')).json()['code'], 'step_up_required')
  assert.equal(refreshes(), 8)
  refuseWith(world, undefined)
  // Neither a circuit breaker nor a rest of the provider's stands before them.
  assert.equal((await user.call('/api/x')).status, 200)
})

test('refresh › interaction_required, and the rule is taken back › asked again after a minute, the session goes on', async (t) => {
  const { world, user, refreshes } = await setUp(t)
  refuseWith(world, { error: 'interaction_required' })
  world.clock.advance(life + 1)
  await stepUpUrl(user)
  refuseWith(world, undefined)
  assert.deepEqual(await codeOf(user), [401, 'step_up_required'])
  world.clock.advance(61)
  assert.equal((await user.call('/api/x')).status, 200)
  const sent = world.issuer.tokenRequests.map(({ parameters }) => parameters.get('refresh_token'))
  assert.deepEqual([refreshes(), sent.at(-1)], [2, sent.at(-2)])
})

test('refresh › interaction_required for one audience › the other routes go on', async (t) => {
  const { world, user } = await setUp(t, {
    routes: ({ origin }) => [
      route('/api/pay', origin, { audience: 'pay' }),
      route('/api/scoped', origin, { audience: 'pay', require: { scopes: ['pay'] } }),
    ],
    config: asksAllowed,
  })
  refuseWith(world, { error: 'interaction_required', claims }, (asked) => asked.get('audience') === 'pay') // prettier-ignore
  assert.deepEqual(await codeOf(user, '/api/pay'), [401, 'step_up_required'])
  await stepUpUrl(user, '/api/scoped')
  const headers = { cookie: user.cookieHeader(), 'sec-fetch-site': 'same-origin' }
  const asked = await ask(world.origin, { path: '/api/pay', headers })
  assert.deepEqual([asked.status, asked.json()['code']], [401, 'step_up_required'])
  world.clock.advance(life + 1)
  assert.equal((await user.call('/api/x')).status, 200)
  assert.deepEqual(await codeOf(user, '/api/pay'), [401, 'step_up_required'])
})

test('refresh › interaction_required when an API has called the token invalid › 401 step_up_required', async (t) => {
  const { world, user } = await setUp(t)
  world.upstream.answerWith((_req, res) => {
    res.writeHead(401, { 'WWW-Authenticate': 'Bearer error="invalid_token"' }).end()
  })
  refuseWith(world, { error: 'interaction_required', claims })
  for (let calls = 0; calls < 2; calls += 1) await stepUpUrl(user)
  assert.equal((await user.session())['authenticated'], true)
})

test('refresh › interaction_required after each login (R29) › three rounds, then 403 step_up_failed', async (t) => {
  const { world, user } = await setUp(t)
  refuseWith(world, { error: 'interaction_required' })
  world.issuer.script.accessTokenSeconds = 60
  for (let round = 0; round < 3; round += 1) {
    world.clock.advance(round === 0 ? life + 1 : 61)
    await user.navigate(await stepUpUrl(user), 'same-origin')
  }
  world.clock.advance(61)
  assert.deepEqual(await codeOf(user), [403, 'step_up_failed'])
})

test('refresh › an interaction_required with status 500 › in doubt like any 500', async (t) => {
  const { world, user } = await setUp(t)
  world.issuer.script.interceptToken = (_request, res) => {
    res.writeHead(500, { 'Content-Type': 'application/json' })
    res.end('{"error":"interaction_required"}')
    return true
  }
  world.clock.advance(life + 1)
  assert.deepEqual(await codeOf(user), [401, 'session_expired'])
})

test(
  'refresh › interaction_required, on Redis › 401 step_up_required, and the call passes after the login',
  lane,
  async (t) => {
    const { world, user, refreshes } = await setUp(t, { backend: redisStore(await startRedis(t)) })
    refuseWith(world, { error: 'interaction_required', claims })
    world.clock.advance(life + 1)
    for (let calls = 0; calls < 3; calls += 1) await stepUpUrl(user)
    assert.equal(refreshes(), 1)
    await user.navigate(await stepUpUrl(user), 'same-origin')
    assert.equal((await user.call('/api/x')).status, 200)
  },
)
