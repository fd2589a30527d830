import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { sendJson } from '../support/plain-http.ts'
import { route } from '../support/world.ts'
import { limit, startKinds } from './token-kinds-world.ts'

const kinds = ['service', 'exchange'] as const

/** Routes whose tokens are checked here too; the provider signs what the test says. */
const startVerified = async (t: TestContext) => {
  const kind = await startKinds(t, {
    routes: ({ origin }) =>
      kinds.map((token) => route(`/${token}`, origin, { token, audience: 'stock', verifyToken: true })),
  }) // prettier-ignore
  const { world, script } = kind
  const signTokens = async (claims: Record<string, unknown>) => {
    const now = Math.floor(world.clock.nowMs() / 1_000)
    const all = { iss: world.issuer.issuer, sub: 'somebody', client_id: 'x', aud: 'stock', iat: now, exp: now + 300, jti: randomUUID(), ...claims } // prettier-ignore
    const token = await world.issuer.sign(all, { typ: 'at+jwt' })
    script.alter = (answer) => ({ ...answer, access_token: token })
    return token
  }
  return { ...kind, signTokens }
}

for (const kind of kinds) {
  test(`${kind}, verify_token › a token for the route's audience (RI-x) › goes along`, limit, async (t) => {
    const { signTokens, tokenAt } = await startVerified(t)
    const token = await signTokens({})
    assert.equal(await tokenAt(`/${kind}/x`), token)
  }) // prettier-ignore

  test(`${kind}, verify_token › a token for another API (RI-x) › 403, and nothing is sent`, limit, async (t) => {
    const { world, user, signTokens } = await startVerified(t)
    await signTokens({ aud: 'billing' })
    const answer = await user.call(`/${kind}/x`)
    assert.deepEqual([answer.status, answer.json()['code']], [403, 'insufficient_scope'])
    assert.equal(world.upstream.seen.length, 0)
  }) // prettier-ignore

  test(`${kind}, verify_token › the token has ended, and the provider has no other › 503, no login would help`, limit, async (t) => {
    const { world, user, script, signTokens, tokenAt } = await startVerified(t)
    const now = Math.floor(world.clock.nowMs() / 1_000)
    await signTokens({ exp: now + 60 })
    await tokenAt(`/${kind}/x`)
    script.intercept = (res) => {
      sendJson(res, 503, {})
      return true
    }
    world.clock.advance(120)
    const answer = await user.call(`/${kind}/x`)
    assert.deepEqual([answer.status, answer.json()['code']], [503, 'idp_unavailable'])
    assert.ok(answer.headers['retry-after'] !== undefined)
    assert.equal(answer.json()['login_url'], undefined)
    script.intercept = () => false
    world.clock.advance(11)
    await signTokens({})
    assert.equal((await user.call(`/${kind}/x`)).status, 200)
  }) // prettier-ignore
}
