import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { test } from 'node:test'
import type { Bent } from './verify-token-world.ts'
import { startVerifyingWorld } from './verify-token-world.ts'

const timeout = 30_000

test(
  'verify_token › a good token (AT-4-a) › passes, 20 calls at once for one look at the keys',
  { timeout },
  async (t) => {
    // prettier-ignore
    const { world, refreshes } = await startVerifyingWorld(t)
    const user = await world.loggedIn()
    const before = world.issuer.state.jwksRequests
    const answers = await Promise.all(Array.from({ length: 20 }, () => user.call('/api/x')))
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
    assert.equal(world.issuer.state.jwksRequests - before, 1)
    assert.match(world.upstream.last().headers.authorization ?? '', /^Bearer eyJ/)
    assert.equal(refreshes(), 1)
  },
)

const { privateKey: stranger } = generateKeyPairSync('rsa', { modulusLength: 2_048 })

const mistakes: readonly (readonly [reason: string, name: string, bent: Bent])[] = [
  ['audience', 'for another API', { claims: { aud: 'billing' } }],
  ['audience', 'for several others', { claims: { aud: ['billing', 'https://orders'] } }],
  ['issuer', 'of another issuer', { claims: { iss: 'https://other.example' } }],
  ['typ', 'that is an ID token', { header: { typ: 'JWT' }, claims: { nonce: 'n' } }],
  ['algorithm', 'under none', { header: { alg: 'none' } }],
  ['algorithm', 'under HS256', { header: { alg: 'HS256' } }],
  ['no_key', 'with a kid that is a path', { header: { kid: '../k1' } }],
  ['signature', 'signed by a stranger', { key: stranger }],
  ['extension', 'with crit', { header: { crit: ['x'] } }],
  ['missing_claim', 'without jti', { claims: { jti: undefined } }],
  ['not_yet_valid', 'of another year', { claims: { nbf: 9_999_999_999 } }],
  ['sender_constrained', 'bound to a key', { claims: { cnf: { jkt: 'k' } } }],
  ['sender_constrained', 'bound to who knows what', { claims: { cnf: null } }],
  ['opaque', 'that nobody can read', { opaque: true }],
]

for (const [reason, name, bent] of mistakes)
  test(
    `verify_token › a token ${name} (AT-4-a) › 403 insufficient_scope, nothing is sent, the session lives`,
    { timeout },
    async (t) => {
      // prettier-ignore
      const { world, state, refreshes, reasons, logged } = await startVerifyingWorld(t)
      state.bend = () => bent
      const user = await world.loggedIn()
      const answer = await user.call('/api/x')
      assert.equal(answer.status, 403)
      assert.equal(answer.json()['code'], 'insufficient_scope')
      assert.match(String(answer.json()['detail']), /^The (?:token|issuer|signature) .*\.$/)
      assert.equal((await user.call('/api/x')).status, 403)
      assert.equal(world.upstream.seen.length, 0)
      assert.equal(refreshes(), 1)
      assert.deepEqual(new Set(reasons()), new Set([reason]))
      assert.ok(!/eyJ[\w-]+\.|at-[0-9a-f-]{36}/.test(logged()))
      assert.equal((await user.call('/api/y')).status, 200)
    },
  )

test(
  'verify_token › on one route (AT-6-a) › the others send whatever token there is',
  { timeout },
  async (t) => {
    const { world, state } = await startVerifyingWorld(t, { verifyToken: false })
    state.bend = () => ({ claims: { exp: 1, iss: 'x' } })
    const user = await world.loggedIn()
    assert.equal((await user.call('/api/x')).status, 200)
  },
)

test(
  'verify_token › the token ends before expires_in says so › one refresh, and the other token goes',
  { timeout },
  async (t) => {
    // prettier-ignore
    const { world, state, refreshes } = await startVerifyingWorld(t)
    state.bend = (number) => (number === 2 ? { claims: { exp: 1 } } : {})
    const user = await world.loggedIn()
    const answers = await Promise.all(Array.from({ length: 10 }, () => user.call('/api/x')))
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
    assert.equal(refreshes(), 2)
  },
)

test(
  'verify_token › every token is expired › 403 once a new one is, too, and no storm of refreshes',
  { timeout },
  async (t) => {
    // prettier-ignore
    const { world, state, refreshes } = await startVerifyingWorld(t)
    state.bend = () => ({ claims: { exp: 1 } })
    const user = await world.loggedIn()
    for (let i = 0; i < 5; i += 1) assert.equal((await user.call('/api/x')).status, 403)
    assert.equal(refreshes(), 2)
    assert.equal((await user.session())['authenticated'], true)
  },
)

test(
  'verify_token › the token ended and there is no refresh token › 401 session_expired, by a login that asks',
  { timeout },
  async (t) => {
    // prettier-ignore
    const { world, state } = await startVerifyingWorld(t, { audience: undefined }, 'orders') // prettier-ignore
    const { script } = world.issuer
    const jwt = script.alterTokenAnswer
    script.alterTokenAnswer = (answer, type) => ({ ...jwt(answer, type), refresh_token: undefined })
    state.bend = () => ({ claims: { exp: 1 } })
    const user = await world.loggedIn()
    const answer = await user.call('/api/x')
    assert.equal(answer.status, 401)
    assert.equal(answer.json()['code'], 'session_expired')
    assert.equal(answer.json()['login_url'], '/login?prompt=login')
    assert.equal(world.upstream.seen.length, 0)
  },
)

test('verify_token › an audience that nobody named › nothing passes', { timeout }, async (t) => {
  const { world, reasons } = await startVerifyingWorld(t, { audience: undefined })
  const user = await world.loggedIn()
  assert.equal((await user.call('/api/x')).status, 403)
  assert.deepEqual(reasons(), ['audience'])
})

test(
  'verify_token › the keys cannot be had › 503 idp_unavailable, then 200; a known token needs none',
  { timeout },
  async (t) => {
    // prettier-ignore
    const { world } = await startVerifyingWorld(t)
    const user = await world.loggedIn()
    world.issuer.script.interceptPublic = (_path, res) => Boolean(res.writeHead(500).end())
    const answer = await user.call('/api/x')
    assert.equal(answer.status, 503)
    assert.equal(answer.json()['code'], 'idp_unavailable')
    assert.equal(answer.headers['retry-after'], '5')
    assert.equal(world.upstream.seen.length, 0)
    world.issuer.script.interceptPublic = () => false
    world.clock.advance(6)
    assert.equal((await user.call('/api/x')).status, 200)
    world.issuer.script.interceptPublic = (_path, res) => Boolean(res.writeHead(500).end())
    world.clock.advance(60)
    assert.equal((await user.call('/api/x')).status, 200)
  },
)

test(
  'verify_token › the service calls the token invalid, the next one is for another API › 403, not sent',
  { timeout },
  async (t) => {
    // prettier-ignore
    const { world, state } = await startVerifyingWorld(t)
    state.bend = (number) => (number === 3 ? { claims: { aud: 'billing' } } : {})
    const user = await world.loggedIn()
    world.upstream.answerWith((_req, res) => {
      res.writeHead(401, { 'WWW-Authenticate': 'Bearer error="invalid_token"' }).end()
    })
    const answer = await user.call('/api/x')
    assert.equal(answer.status, 403)
    assert.equal(world.upstream.seen.length, 1)
  },
)

test('verify_token › a WebSocket › is judged as a call is', { timeout }, async (t) => {
  const { world, state } = await startVerifyingWorld(t)
  state.bend = () => ({ claims: { aud: 'billing' } })
  const user = await world.loggedIn()
  const headers = { connection: 'upgrade', upgrade: 'websocket', origin: world.origin, 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' } // prettier-ignore
  const answer = await user.call('/api/x', { headers })
  assert.equal(answer.status, 403)
  assert.equal(answer.json()['code'], 'insufficient_scope')
})
