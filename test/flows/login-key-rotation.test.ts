import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { SignJWT, decodeJwt, exportJWK, generateKeyPair } from 'jose'
import { send } from '../support/browser.ts'
import { openCallback, pendingCallback } from '../support/login-steps.ts'
import { scriptedClient } from '../support/scripted-issuer.ts'
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

/** A logout token that is right in all but its key. */
const postLogoutToken = async ({ origin, issuer }: World, header: Record<string, unknown>) => {
  const iat = Math.floor(Date.now() / 1_000)
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
  const claims = { iss: issuer.issuer, aud: scriptedClient.id, iat, exp: iat + 60, jti: 'j', sub: 'x', events } // prettier-ignore
  const token = await issuer.sign(claims, { typ: 'logout+jwt', ...header })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  const answer = await send(`${origin}/backchannel-logout`, { method: 'POST', headers, body: `logout_token=${token}` }) // prettier-ignore
  assert.equal(answer.status, 400)
}

/** Answers the request for the keys with these bytes. */
const answering =
  (status: number, body: string, headers: Record<string, string> = {}) =>
  ({ issuer }: World) => {
    issuer.script.interceptPublic = (path, res) => {
      if (path !== '/jwks') return false
      res.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(body)
      return true
    }
  }

/** Ends a login at its callback; the status and what it cost in looks at the keys. */
const login = async (world: World) => {
  const before = world.issuer.state.jwksRequests
  const user = world.newBrowser()
  const answer = await openCallback(user, await pendingCallback(user))
  return `${answer.status}, looks: ${world.issuer.state.jwksRequests - before}`
}

test('keys › the issuer rotates them right after they were read › the next login works, with one look (OIDC-10.1-a)', async (t) => {
  const world = await setUp(t)
  await world.loggedIn()
  await rotateKeys(world, true)
  assert.equal(await login(world), '303, looks: 1')
  assert.equal(await login(world), '303, looks: 0')
})

test('keys › a rotation, ten logins at once › all work, with one look (OIDC-10.1-a)', async (t) => {
  const world = await setUp(t)
  await world.loggedIn()
  await rotateKeys(world, true)
  const before = world.issuer.state.jwksRequests
  const users = await Promise.all(Array.from({ length: 10 }, () => world.loggedIn()))
  for (const user of users) assert.equal((await user.session())['authenticated'], true)
  assert.equal(world.issuer.state.jwksRequests - before, 1)
})

test('keys › a flood of unknown kids › one look a minute, and after it a rotation is found (OIDC-10.1-a, R16)', async (t) => {
  const world = await setUp(t)
  await world.loggedIn()
  await rotateKeys(world, false)
  assert.equal(await login(world), '400, looks: 1')
  for (let times = 0; times < 10; times += 1) assert.equal(await login(world), '400, looks: 0')
  world.clock.advance(30)
  assert.equal(await login(world), '400, looks: 0')
  world.clock.advance(31)
  await rotateKeys(world, true)
  assert.equal(await login(world), '303, looks: 1')
})

test('keys › made-up logout tokens use up their look › a login still finds a rotation (OIDC-10.1-a)', async (t) => {
  const world = await setUp(t)
  await world.loggedIn()
  for (let n = 0; n < 3; n += 1) await postLogoutToken(world, { kid: `made-up-${n}` })
  await rotateKeys(world, true)
  assert.equal(await login(world), '303, looks: 1')
})

/** A key pair of the issuer's kind, and what it publishes of it. */
const newKey = async (more: Record<string, unknown>) => {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), alg: 'RS256', ...more } }
}

const published: Readonly<
  Record<string, readonly [status: number, bend: (world: World) => Promise<void> | void]>
> = {
  'no kid in the token, one key': [
    303,
    ({ issuer }) => {
      issuer.script.alterIdToken = (token) => issuer.sign(decodeJwt(token), { kid: undefined })
    },
  ],
  'no kid in the token, two keys that fit': [
    400,
    async ({ issuer }) => {
      const { jwk } = await newKey({ kid: 'k2' })
      issuer.script.alterKeys = (keys) => [...keys, jwk]
      issuer.script.alterIdToken = (token) => issuer.sign(decodeJwt(token), { kid: undefined })
    },
  ],
  'no kid in the token, another key for encryption': [
    303,
    async ({ issuer }) => {
      const { jwk } = await newKey({ kid: 'k2', use: 'enc' })
      issuer.script.alterKeys = (keys) => [...keys, jwk]
      issuer.script.alterIdToken = (token) => issuer.sign(decodeJwt(token), { kid: undefined })
    },
  ],
  'keys beside that nobody can read': [
    303,
    ({ issuer }) => {
      issuer.script.alterKeys = (keys) => [{ kty: 'LATTICE', kid: 'pq' }, { kid: 'x' }, ...keys]
    },
  ],
  'our kid on a damaged key': [
    400,
    ({ issuer }) => {
      issuer.script.alterKeys = () => [{ kty: 'RSA', kid: 'k1', alg: 'RS256', n: '', e: '' }]
    },
  ],
  'a key of 1,024 bits': [
    400,
    ({ issuer }) => {
      const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 1_024 })
      issuer.script.alterKeys = () => [{ ...publicKey.export({ format: 'jwk' }), kid: 'short' }]
      issuer.script.alterIdToken = (token) => {
        const header = Buffer.from('{"alg":"RS256","kid":"short"}').toString('base64url')
        const signed = `${header}.${token.split('.')[1] ?? ''}`
        const signature = sign('sha256', Buffer.from(signed), privateKey)
        return `${signed}.${signature.toString('base64url')}`
      }
    },
  ],
  'no keys': [400, ({ issuer }) => void (issuer.script.alterKeys = () => [])],
  '10 000 keys': [
    503,
    ({ issuer }) => {
      const { publicJwk } = issuer
      issuer.script.alterKeys = () =>
        Array.from({ length: 10_000 }, (_, n) => ({ ...publicJwk, kid: `k${n}` }))
    },
  ],
  '2 000 keys': [
    303,
    ({ issuer }) => {
      const { publicJwk } = issuer
      issuer.script.alterKeys = () =>
        Array.from({ length: 2_000 }, (_, n) => ({ ...publicJwk, kid: `k${n}` }))
    },
  ],
  'an HTML page': [503, answering(200, '<h1>Keys</h1>')],
  'a JSON array': [503, answering(200, '[]')],
  'keys that are no list': [503, answering(200, '{"keys":{}}')],
  '5 MB': [503, answering(200, `{"keys":[],"x":"${'x'.repeat(5_000_000)}"}`)],
  'a status 500': [503, answering(500, '{}')],
  'a redirect': [503, answering(302, '', { Location: '/jwks?again' })],
}

for (const [name, [status, bend]] of Object.entries(published))
  test(`keys › the issuer publishes ${name} › the callback answers ${status}, no session unless 303 (R16)`, async (t) => {
    const world = await setUp(t)
    await bend(world)
    const user = world.newBrowser()
    const answer = await openCallback(user, await pendingCallback(user))
    assert.equal(answer.status, status, answer.text)
    assert.equal((await user.session())['authenticated'], status === 303)
    assert.equal(world.issuer.grants('authorization_code'), 1)
    assert.ok(!world.issuer.paths.includes('/jwks?again'))
  })

test('keys › their address is away › those at hand serve on, for a day; then a login is 503 (OIDC-10.1-a)', async (t) => {
  const world = await setUp(t)
  assert.equal(await login(world), '303, looks: 1')
  answering(500, '{}')(world)
  for (const seconds of [700, 3_600, 43_200]) {
    world.clock.advance(seconds)
    assert.match(await login(world), /^303/, `after ${seconds} s more`)
  }
  world.clock.advance(43_200)
  assert.match(await login(world), /^503/)
  world.issuer.script.interceptPublic = () => false
  world.clock.advance(6)
  assert.equal(await login(world), '303, looks: 1')
})

test('keys › one taken back › signs no login once they are read anew (OIDC-10.1-a)', async (t) => {
  const world = await setUp(t)
  assert.equal(await login(world), '303, looks: 1')
  world.issuer.script.alterKeys = () => []
  world.clock.advance(1_201)
  assert.match(await login(world), /^400/)
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
