import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Backend } from '../../server/session/backend.ts'
import { capturedLog } from '../support/captured-log.ts'
import { sendJson } from '../support/plain-http.ts'
import { eventually } from '../support/raw.ts'
import { accessTokenType } from '../support/scripted-grants.ts'
import { startSecondBroker } from '../support/second-broker.ts'
import { spyBackend } from '../support/spy-backend.ts'
import { limit, refuseTokens, startKinds, tokenOtherThan } from './token-kinds-world.ts'

test("exchange › a call (TX-2-a) › the user's token as subject, its answer goes along, kept for both brokers", limit, async (t) => {
  const { world, user, exchanges, tokenAt } = await startKinds(t)
  const own = await tokenAt('/api/x')
  const token = await tokenAt('/exchange/x')
  assert.match(token ?? '', /^tx-/)
  assert.deepEqual(Object.fromEntries(exchanges()[0] ?? []), {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: own,
    subject_token_type: accessTokenType,
    requested_token_type: accessTokenType,
    audience: 'billing',
    scope: 'bills',
  })
  const second = await startSecondBroker(t, world)
  await second.call(user, '/exchange/x')
  assert.equal(world.upstream.last().headers.authorization, `Bearer ${token ?? ''}`)
  assert.equal(await tokenAt('/exchange/x'), token)
  assert.equal(await tokenAt('/api/x'), own)
  assert.equal(exchanges().length, 1)
}) // prettier-ignore

test('exchange › 30 calls at once › one exchange; another person has one of their own', limit, async (t) => {
  const { world, user, script, exchanges } = await startKinds(t)
  script.delayMs = 50
  const answers = await Promise.all(Array.from({ length: 30 }, () => user.call('/exchange/x')))
  assert.ok(answers.every(({ status }) => status === 200))
  assert.equal(exchanges().length, 1)
  const own = world.upstream.last().headers.authorization
  await (await world.loggedIn()).call('/exchange/x')
  assert.notEqual(world.upstream.last().headers.authorization, own)
  assert.equal(exchanges().length, 2)
}) // prettier-ignore

test("exchange › near its end › renewed behind it, with the user's token as it is then", limit, async (t) => {
  const { world, exchanges, tokenAt } = await startKinds(t)
  const old = await tokenAt('/exchange/x')
  world.clock.advance(280)
  assert.equal(await tokenAt('/exchange/x'), old)
  await tokenOtherThan(old, () => tokenAt('/exchange/x'))
  assert.equal(exchanges().length, 2)
}) // prettier-ignore

test("exchange › both tokens over › the user's is refreshed first, once, and then exchanged", limit, async (t) => {
  const { world, user, exchanges, tokenAt } = await startKinds(t)
  const own = await tokenAt('/api/x')
  await tokenAt('/exchange/x')
  world.clock.advance(1_700)
  await user.session()
  world.clock.advance(1_750)
  await user.session()
  world.clock.advance(200)
  const answers = await Promise.all(
    ['/exchange/x', '/api/x', '/exchange/y', '/api/y'].map((path) => user.call(path)),
  )
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200, 200])
  assert.equal(world.issuer.grants('refresh_token'), 1)
  assert.equal(exchanges().length, 2)
  assert.notEqual(exchanges()[1]?.get('subject_token'), own)
}) // prettier-ignore

test("exchange › the provider no longer takes the user's token › one refresh, one more try", limit, async (t) => {
  const { world, exchanges, forgetUsersTokens, tokenAt } = await startKinds(t)
  forgetUsersTokens()
  assert.match((await tokenAt('/exchange/x')) ?? '', /^tx-/)
  assert.equal(world.issuer.grants('refresh_token'), 1)
  assert.equal(exchanges().length, 2)
}) // prettier-ignore

test('exchange › the login is over at the provider › 401 session_expired, and the session has ended', limit, async (t) => {
  const { world, user, forgetUsersTokens } = await startKinds(t)
  forgetUsersTokens()
  const knows = world.issuer.script.interceptToken
  world.issuer.script.interceptToken = (request, res) => {
    if (request.grantType !== 'refresh_token') return knows(request, res)
    sendJson(res, 400, { error: 'invalid_grant' })
    return true
  }
  const answer = await user.call('/exchange/x')
  assert.deepEqual([answer.status, answer.json()['code']], [401, 'session_expired'])
  assert.equal((await user.session())['authenticated'], false)
}) // prettier-ignore

type Answer = Readonly<Record<string, unknown>>
const hostile: readonly (readonly [string, Answer])[] = [
  ['no issued_token_type', { issued_token_type: undefined }],
  ['an ID token', { issued_token_type: 'urn:ietf:params:oauth:token-type:id_token' }],
  ['a refresh token', { issued_token_type: 'urn:ietf:params:oauth:token-type:refresh_token' }],
  ['issued_token_type as a list', { issued_token_type: [accessTokenType] }],
  ['token_type N_A', { token_type: 'N_A' }],
  ['token_type DPoP', { token_type: 'DPoP' }],
  ['no token_type', { token_type: undefined }],
  ['no access_token', { access_token: undefined }],
  ['an empty access_token', { access_token: '' }],
  ['access_token as a number', { access_token: 7 }],
  ['a line break in access_token', { access_token: 'x\r\nX-User: root' }],
  ['an umlaut in access_token', { access_token: 'ü' }],
  ['a token that is over', { expires_in: 0 }],
  ['a negative life', { expires_in: -1 }],
  ['scope as a list', { scope: ['bills'] }],
]
for (const [what, over] of hostile)
  test(`exchange › an answer with ${what} (TX-2-a) › 502 token_refused, nothing reaches the API`, limit, async (t) => {
    const { world, user, script, exchanges } = await startKinds(t)
    script.alter = (answer) => ({ ...answer, ...over })
    for (let calls = 0; calls < 3; calls += 1) {
      const answer = await user.call('/exchange/x')
      assert.deepEqual([answer.status, answer.json()['code']], [502, 'token_refused'], answer.text)
    }
    assert.equal(world.upstream.seen.length, 0)
    assert.equal(exchanges().length, 1)
    script.alter = (answer) => answer
    world.clock.advance(11)
    assert.equal((await user.call('/exchange/x')).status, 200)
  }) // prettier-ignore

for (const [what, over] of [
  ['a life without end', { expires_in: 1e300 }],
  ['a life as text', { expires_in: '300' }],
  ['no life', { expires_in: undefined }],
  ['a forged ID token beside it', { id_token: 'a.b.c' }],
  ['a refresh token beside it', { refresh_token: 'rt-of-exchange' }],
] as const)
  test(`exchange › an answer with ${what} › its token serves, and nothing else is kept`, limit, async (t) => {
    const { world, user, script, exchanges, tokenAt } = await startKinds(t)
    script.alter = (answer) => ({ ...answer, ...over })
    assert.match((await tokenAt('/exchange/x')) ?? '', /^tx-/)
    world.clock.advance(200)
    await tokenAt('/exchange/x')
    assert.equal(exchanges().length, 1)
    world.issuer.revoked.length = 0
    await user.call('/logout', { method: 'POST', headers: await user.csrf() })
    assert.ok(!world.issuer.revoked.includes('rt-of-exchange'))
  }) // prettier-ignore

for (const [error, hint] of [
  ['invalid_target', 'does not know audience or resource'],
  ['invalid_scope', 'may not ask for scope'],
  ['unauthorized_client', 'allow it in its registration'],
  ['access_denied', 'a policy of the provider forbids it'],
] as const)
  test(`exchange › ${error} (RFC 8693 2.2.2) › 502 token_refused, a line that tells what to mend, the session lives`, limit, async (t) => {
    const { log, text } = capturedLog()
    const { world, user, script, exchanges } = await startKinds(t, { log })
    script.intercept = (res, parameters) => {
      sendJson(res, 400, { error, error_description: `no ${parameters.get('subject_token') ?? ''}` })
      return true
    }
    for (let calls = 0; calls < 3; calls += 1)
      assert.equal((await user.call('/exchange/x')).json()['code'], 'token_refused')
    assert.equal(exchanges().length, 1)
    assert.ok(text().includes(hint), text())
    assert.ok(!text().includes(exchanges()[0]?.get('subject_token') ?? '?'))
    assert.equal(world.issuer.grants('refresh_token'), 0)
    assert.equal((await user.call('/api/x')).status, 200)
  }) // prettier-ignore

test('exchange › the provider is away › the token at hand serves; then 503 with Retry-After; user calls go on', limit, async (t) => {
  const { world, user, script, tokenAt } = await startKinds(t)
  const old = await tokenAt('/exchange/x')
  script.intercept = (res) => {
    sendJson(res, 503, {})
    return true
  }
  world.clock.advance(280)
  assert.equal(await tokenAt('/exchange/x'), old)
  world.clock.advance(30)
  const answer = await user.call('/exchange/x')
  assert.deepEqual([answer.status, answer.json()['code']], [503, 'idp_unavailable'])
  assert.ok(Number(answer.headers['retry-after']) >= 1)
  assert.equal((await user.call('/api/x')).status, 200)
}) // prettier-ignore

test('exchange › an API that calls the token invalid › one exchange more, the call again; then its own word', limit, async (t) => {
  const { world, user, exchanges, tokenAt } = await startKinds(t)
  const old = await tokenAt('/exchange/x')
  refuseTokens(world, (token) => token === old)
  assert.notEqual(await tokenAt('/exchange/x'), old)
  assert.equal(exchanges().length, 2)
  refuseTokens(world, () => true)
  for (let calls = 0; calls < 4; calls += 1)
    assert.equal((await user.call('/exchange/x')).status, 401)
  assert.equal(exchanges().length, 2)
}) // prettier-ignore

test('exchange › a logout while it is under way › its token goes nowhere', limit, async (t) => {
  const { world, user, script, exchanges } = await startKinds(t)
  script.delayMs = 300
  const calling = user.call('/exchange/x', { headers: { cookie: user.cookieHeader() } })
  await eventually('the exchange is asked for', () => exchanges().length === 1)
  await user.call('/logout', { method: 'POST', headers: await user.csrf() })
  const answer = await calling
  assert.deepEqual([answer.status, answer.json()['code']], [401, 'session_revoked'])
  assert.equal(world.upstream.seen.length, 0)
}) // prettier-ignore

test('exchange › its token is written while a refresh of the session begins › the refresh looks again, one grant', limit, async (t) => {
  const { backend } = spyBackend()
  let conflicts = 0
  const busy: Backend = {
    ...backend,
    update: async (id, kind, ...rest) => {
      if (kind !== 'vault' || conflicts > 1) return await backend.update(id, kind, ...rest)
      conflicts += 1
      return 'conflict'
    },
  }
  const { world, user } = await startKinds(t, { backend: busy })
  world.issuer.script.accessTokenSeconds = 60
  const other = await world.loggedIn()
  world.clock.advance(61)
  assert.equal((await other.call('/api/x')).status, 200)
  assert.equal(conflicts, 2)
  assert.equal(world.issuer.grants('refresh_token'), 1)
  assert.equal((await user.call('/exchange/x')).status, 200)
}) // prettier-ignore
