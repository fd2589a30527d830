import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { addIntrospection, startVerifyingWorld } from './verify-token-world.ts'

const timeout = 30_000

const setUp = async (t: TestContext) => {
  const { world, state, ...rest } = await startVerifyingWorld(t)
  state.bend = () => ({ opaque: true })
  const introspection = await addIntrospection(t, world)
  const user = await world.loggedIn()
  return { world, state, introspection, user, ...rest }
}

test(
  'introspection › of an active token (INT-2-a) › passes; asked once for 20 calls, and again after 30 s',
  { timeout },
  async (t) => {
    // prettier-ignore
    const { world, user, introspection } = await setUp(t)
    const answers = await Promise.all(Array.from({ length: 20 }, () => user.call('/api/x')))
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]))
    assert.equal(introspection.asked.length, 1)
    assert.equal(`Bearer ${introspection.asked[0]}`, world.upstream.last().headers.authorization)
    world.clock.advance(31)
    assert.equal((await user.call('/api/x')).status, 200)
    assert.equal(introspection.asked.length, 2)
  },
)

test(
  'introspection › a token that ends within its cache time (INT-2-a) › is asked about again',
  { timeout },
  async (t) => {
    // prettier-ignore
    const { world, user, introspection } = await setUp(t)
    const exp = Math.floor(world.clock.nowMs() / 1_000) + 10
    introspection.answer = () => ({ active: true, aud: 'orders', exp })
    assert.equal((await user.call('/api/x')).status, 200)
    world.clock.advance(12)
    introspection.answer = (token) => ({ active: token !== introspection.asked[0], aud: 'orders' })
    assert.equal((await user.call('/api/x')).status, 200)
    assert.notEqual(`Bearer ${introspection.asked[0]}`, world.upstream.last().headers.authorization)
  },
)

test(
  'introspection › a token that was revoked (INT-2-a) › one refresh, and the other token goes',
  { timeout },
  async (t) => {
    // prettier-ignore
    const { user, introspection, refreshes } = await setUp(t)
    introspection.answer = (token) => ({ active: token !== introspection.asked[0], aud: 'orders' })
    assert.equal((await user.call('/api/x')).status, 200)
    assert.equal(introspection.asked.length, 2)
    assert.equal(refreshes(), 2)
  },
)

const refused: readonly (readonly [name: string, answer: Record<string, unknown>, reason: string])[] = [
  ['no longer active, nor is the next', { active: false }, 'inactive'],
  ['for another API', { active: true, aud: 'billing' }, 'audience'],
  ['for nobody', { active: true }, 'audience'],
  ['of another issuer', { active: true, aud: 'orders', iss: 'https://other.example' }, 'issuer'],
  ['that ended', { active: true, aud: 'orders', exp: 1 }, 'expired'],
  ['bound to a key', { active: true, aud: 'orders', cnf: { jkt: 'k' } }, 'sender_constrained'],
] // prettier-ignore

for (const [name, answer, reason] of refused)
  test(
    `introspection › a token ${name} (INT-2-a) › 403 insufficient_scope, nothing is sent`,
    { timeout },
    async (t) => {
      // prettier-ignore
      const { world, user, introspection, reasons } = await setUp(t)
      introspection.answer = () => answer
      const refusal = await user.call('/api/x')
      assert.equal(refusal.status, 403)
      assert.equal(refusal.json()['code'], 'insufficient_scope')
      assert.equal(world.upstream.seen.length, 0)
      assert.deepEqual(reasons(), [reason])
    },
  )

const useless: readonly (readonly [name: string, body: string, type: string, status: number])[] = [
  ['active as a text', '{"active":"true","aud":"orders"}', 'application/json', 200],
  ['active as a number', '{"active":1,"aud":"orders"}', 'application/json', 200],
  ['no active', '{"aud":"orders"}', 'application/json', 200],
  ['a list', '[]', 'application/json', 200],
  ['HTML', '<p>true</p>', 'text/html', 200],
  ['500', '{"active":true,"aud":"orders"}', 'application/json', 500],
  ['403', '{"active":true,"aud":"orders"}', 'application/json', 403],
]

for (const [name, body, type, status] of useless)
  test(
    `introspection › answers ${name} (INT-2-a) › 503 idp_unavailable, nothing is sent`,
    { timeout },
    async (t) => {
      // prettier-ignore
      const { world, user, introspection, logged } = await setUp(t)
      introspection.intercept = (res) => res.writeHead(status, { 'Content-Type': type }).end(body)
      const refusal = await user.call('/api/x')
      assert.equal(refusal.status, 503)
      assert.equal(refusal.json()['code'], 'idp_unavailable')
      assert.equal(world.upstream.seen.length, 0)
      assert.ok(!/at-[0-9a-f-]{36}/.test(logged()))
    },
  )

test(
  'introspection › no answer (INT-2-a) › 503 within OIDC_TIMEOUT_MS, and the session lives',
  { timeout },
  async (t) => {
    // prettier-ignore
    const { user, introspection } = await setUp(t)
    introspection.intercept = () => undefined
    assert.equal((await user.call('/api/x')).status, 503)
    assert.equal((await user.session())['authenticated'], true)
  },
)
