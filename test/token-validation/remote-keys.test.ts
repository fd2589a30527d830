import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import { AccessTokenError } from '../../server/token-validation/access-token-error.ts'
import type { AccessTokenOptions } from '../../server/token-validation/options.ts'
import { verifyAccessToken } from '../../server/token-validation/verify-access-token.ts'
import type { TestKey, TokenIssuer } from './token-issuer.ts'
import { audience, ecKey, mint, rsaKey, startTokenIssuer, strangersKey } from './token-issuer.ts'

const timeout = 30_000

const setUp = (issuer: TokenIssuer, over: Partial<AccessTokenOptions> = {}) => {
  let aheadMs = 0
  const nowMs = () => Date.now() + aheadMs
  const verify = verifyAccessToken({ issuer: issuer.issuer, audience, nowMs, ...over })
  const exp = () => Math.floor(nowMs() / 1_000) + 300
  const iat = () => Math.floor(nowMs() / 1_000)
  const tryToken = async (key: TestKey = rsaKey, kid = key.kid): Promise<string> => {
    const claims = { exp: exp(), iat: iat() }
    const token = await mint(issuer.issuer, { claims, key, header: { kid } })
    return await verify({ headers: { authorization: `Bearer ${token}` } }).then(
      () => 'passes',
      (error: unknown) => (error instanceof AccessTokenError ? error.reason : String(error)),
    )
  }
  const advance = (seconds: number) => {
    aheadMs += seconds * 1_000
  }
  const asked = () => issuer.requests.filter((path) => path === '/jwks').length
  return { tryToken, advance, asked }
}

const newKid = { ...strangersKey, kid: 'next', jwk: { ...strangersKey.jwk, kid: 'next' } }
const broken = (_path: string, res: ServerResponse) => Boolean(res.writeHead(500).end())

test(
  'issuer keys › 100 first calls at once › the keys are asked for once',
  { timeout },
  async (t) => {
    const issuer = await startTokenIssuer(t)
    const { tryToken, asked } = setUp(issuer)
    const answers = await Promise.all(Array.from({ length: 100 }, () => tryToken()))
    assert.deepEqual(new Set(answers), new Set(['passes']))
    assert.equal(asked(), 1)
  },
)

test(
  'issuer keys › rotated right after the first call › the new key is found by one look',
  { timeout },
  async (t) => {
    // prettier-ignore
    const issuer = await startTokenIssuer(t)
    const { tryToken, asked } = setUp(issuer)
    assert.equal(await tryToken(), 'passes')
    issuer.jwks = { keys: [rsaKey.jwk, newKid.jwk] }
    const answers = await Promise.all(Array.from({ length: 20 }, () => tryToken(newKid)))
    assert.deepEqual(new Set(answers), new Set(['passes']))
    assert.equal(asked(), 2)
  },
)

test(
  'issuer keys › 300 made-up kids › cost the issuer one look, and one more half a minute later',
  { timeout },
  async (t) => {
    // prettier-ignore
    const issuer = await startTokenIssuer(t)
    const { tryToken, asked, advance } = setUp(issuer)
    assert.equal(await tryToken(), 'passes')
    for (let i = 0; i < 300; i += 1) assert.equal(await tryToken(rsaKey, `made-up-${i}`), 'no_key')
    assert.equal(asked(), 2)
    advance(31)
    assert.equal(await tryToken(rsaKey, 'made-up'), 'no_key')
    assert.equal(asked(), 3)
  },
)

test(
  'issuer keys › a key taken back › is refused once the keys are read anew',
  { timeout },
  async (t) => {
    const issuer = await startTokenIssuer(t)
    const { tryToken, advance } = setUp(issuer)
    assert.equal(await tryToken(), 'passes')
    issuer.jwks = { keys: [ecKey.jwk] }
    advance(1_201)
    assert.equal(await tryToken(), 'no_key')
  },
)

test(
  'issuer keys › the issuer is away › the last keys serve on, for a day',
  { timeout },
  async (t) => {
    const issuer = await startTokenIssuer(t)
    const { tryToken, advance } = setUp(issuer)
    assert.equal(await tryToken(), 'passes')
    issuer.intercept = broken
    for (const seconds of [700, 3_600, 43_200]) {
      advance(seconds)
      assert.equal(await tryToken(), 'passes', `after ${seconds} s more`)
    }
    advance(43_200)
    assert.equal(await tryToken(), 'keys_unavailable')
    issuer.intercept = () => false
    advance(6)
    assert.equal(await tryToken(), 'passes')
  },
)

test(
  'issuer keys › the issuer was never there › 503, and it is not asked by every call',
  { timeout },
  async (t) => {
    // prettier-ignore
    const issuer = await startTokenIssuer(t)
    issuer.intercept = broken
    const { tryToken } = setUp(issuer)
    for (let i = 0; i < 20; i += 1) assert.equal(await tryToken(), 'keys_unavailable')
    assert.equal(issuer.requests.length, 1)
  },
)

const bodies: readonly (readonly [name: string, answer: (res: ServerResponse) => unknown])[] = [
  ['10,000 keys', (res) => res.end(JSON.stringify({ keys: Array.from({ length: 10_000 }, (_, i) => ({ kty: 'EC', crv: 'P-256', kid: `k${i}` })) }))], // prettier-ignore
  ['10,000 real keys', (res) => res.end(JSON.stringify({ keys: Array.from({ length: 10_000 }, (_, i) => ({ ...rsaKey.jwk, kid: `k${i}` })) }))], // prettier-ignore
  ['a body without end', (res) => {
    const more = () => res.destroyed || res.write('x'.repeat(65_536), () => setImmediate(more))
    more()
  }],
  ['a body that stands still', (res) => res.write('{"keys":[')],
  ['no answer', () => undefined],
  ['a redirect', (res) => res.writeHead(302, { Location: '/jwks' }).end()],
  ['HTML', (res) => res.end('<!doctype html>')],
  ['a list', (res) => res.end('[]')],
  ['null', (res) => res.end('null')],
  ['keys that are none', (res) => res.end('{"keys":{"0":1}}')],
  ['status 500', (res) => res.writeHead(500).end('{"keys":[]}')],
] // prettier-ignore

for (const [name, answer] of bodies)
  test(
    `issuer keys › ${name} › 503 within the timeout, and the next good answer serves`,
    { timeout },
    async (t) => {
      // prettier-ignore
      const issuer = await startTokenIssuer(t)
      issuer.intercept = (path, res) => {
        if (path !== '/jwks') return false
        answer(res)
        return true
      }
      const { tryToken, advance } = setUp(issuer, { timeoutMs: 1_000 })
      assert.equal(await tryToken(), 'keys_unavailable')
      issuer.intercept = () => false
      advance(6)
      assert.equal(await tryToken(), 'passes')
    },
  )

for (const [name, bad] of [
  ['private', { ...rsaKey.jwk, d: 'x' }],
  ['symmetric', { kty: 'oct', k: 'c2VjcmV0', kid: 'rsa', alg: 'RS256' }],
  ['for encryption', { ...rsaKey.jwk, use: 'enc' }],
  ['null', null],
  ['twice', { ...rsaKey.jwk }],
] as const)
  test(
    `issuer keys › one that is ${name} › is not used, and the others are`,
    { timeout },
    async (t) => {
      const issuer = await startTokenIssuer(t)
      issuer.jwks = { keys: name === 'twice' ? [bad, rsaKey.jwk, ecKey.jwk] : [bad, ecKey.jwk] }
      const { tryToken } = setUp(issuer)
      assert.equal(await tryToken(), 'no_key')
      assert.equal(await tryToken(ecKey), 'passes')
    },
  )

test(
  "issuer keys › a key of another issuer's › does not sign for this one",
  { timeout },
  async (t) => {
    const issuer = await startTokenIssuer(t)
    issuer.jwks = {
    keys: [{ ...rsaKey.jwk, issuer: 'https://other.example' }, { ...ecKey.jwk, issuer: issuer.issuer }],
  } // prettier-ignore
    const { tryToken } = setUp(issuer)
    assert.equal(await tryToken(), 'issuer')
    assert.equal(await tryToken(ecKey), 'passes')
  },
)

for (const [name, alter] of [
  ['another issuer', (own: object) => ({ ...own, issuer: 'https://evil.example' })],
  ['keys over http elsewhere', (own: object) => ({ ...own, jwks_uri: 'http://evil.example/jwks' })],
  ['keys in a file', (own: object) => ({ ...own, jwks_uri: 'file:///etc/passwd' })],
  ['no keys', ({ issuer }: { issuer?: unknown }) => ({ issuer })],
] as const)
  test(`metadata › of ${name} › 503, and nothing is believed`, { timeout }, async (t) => {
    const issuer = await startTokenIssuer(t)
    issuer.metadata = alter
    const { tryToken } = setUp(issuer)
    assert.equal(await tryToken(), 'keys_unavailable')
    assert.deepEqual(issuer.requests, ['/.well-known/openid-configuration'])
  })

test(
  'metadata › of an authorization server without OpenID Connect › is read by RFC 8414',
  { timeout },
  async (t) => {
    // prettier-ignore
    const issuer = await startTokenIssuer(t)
    issuer.intercept = (path, res) => {
      const { issuer: own } = issuer
      if (path === '/.well-known/openid-configuration') return Boolean(res.writeHead(404).end())
      if (path !== '/.well-known/oauth-authorization-server') return false
      return Boolean(res.end(JSON.stringify({ issuer: own, jwks_uri: `${own}/jwks` })))
    }
    assert.equal(await setUp(issuer).tryToken(), 'passes')
  },
)

test('jwksUri › given › no metadata is asked for', { timeout }, async (t) => {
  const issuer = await startTokenIssuer(t)
  const { tryToken } = setUp(issuer, { jwksUri: `${issuer.issuer}/jwks` })
  assert.equal(await tryToken(), 'passes')
  assert.deepEqual(issuer.requests, ['/jwks'])
})

for (const over of [
  { issuer: 'http://id.example' },
  { issuer: 'id.example' },
  { jwksUri: 'http://id.example/jwks' },
  { audience: '' },
  { audience: [] },
  { clockToleranceSeconds: 3_600 },
  { clockToleranceSeconds: -1 },
])
  test(`verifyAccessToken › ${JSON.stringify(over)} › throws when it is made`, () => {
    assert.throws(() => verifyAccessToken({ issuer: 'https://id.example', audience, ...over }))
  })
