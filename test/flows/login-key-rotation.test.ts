import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { SignJWT, decodeJwt, exportJWK, generateKeyPair } from 'jose'
import type { World } from '../support/world.ts'
import { startWorld } from '../support/world.ts'

const life = 90

const setUp = async (t: TestContext) => {
  const world = await startWorld(t)
  world.issuer.script.accessTokenSeconds = life
  return world
}

/** From now on ID tokens are signed with a new key, which the issuer publishes or not. */
const rotateKeys = async ({ issuer }: World, published: boolean): Promise<void> => {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k2', alg: 'RS256', use: 'sig' }
  issuer.script.alterIdToken = (token) =>
    new SignJWT(decodeJwt(token)).setProtectedHeader({ alg: 'RS256', kid: 'k2' }).sign(privateKey)
  if (published) issuer.script.alterKeys = () => [jwk]
}

test('keys › the issuer has rotated them › the next login works, with one look at the new ones (OIDC-10.1-a)', async (t) => {
  const world = await setUp(t)
  await world.loggedIn()
  await rotateKeys(world, true)
  await new Promise((resolve) => setTimeout(resolve, 5_100))
  const before = world.issuer.state.jwksRequests
  const user = await world.loggedIn()
  assert.equal((await user.session())['authenticated'], true)
  assert.equal(world.issuer.state.jwksRequests - before, 1)
})

for (const [name, published] of [
  ['rotated them a moment ago', true],
  ['signs with one it does not publish', false],
] as const)
  test(`keys › the issuer ${name}, at a refresh › the tokens are used and kept, the session lives on`, async (t) => {
    const world = await setUp(t)
    const user = await world.loggedIn()
    await rotateKeys(world, published)
    for (let refreshes = 1; refreshes <= 2; refreshes += 1) {
      world.clock.advance(life + 1)
      assert.equal((await user.call('/api/x')).status, 200)
      assert.equal(world.issuer.grants('refresh_token'), refreshes)
    }
  })

test('keys › a forged signature under a known kid, at a refresh › its tokens are never used (R15, R16)', async (t) => {
  const world = await setUp(t)
  const user = await world.loggedIn()
  world.issuer.script.alterIdToken = (token) => {
    const [header = '', payload = '', signature = ''] = token.split('.')
    return [header, payload, `${signature.slice(0, -8)}AAAAAAAA`].join('.')
  }
  world.clock.advance(life + 1)
  const answer = await user.call('/api/x')
  assert.equal(answer.status, 401)
  assert.equal(answer.json()['login_url'], '/login?prompt=none')
  assert.equal(world.upstream.seen.length, 0)
})
