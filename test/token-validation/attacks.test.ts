import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import { exportSPKI } from 'jose'
import { AccessTokenError } from '../../server/token-validation/access-token-error.ts'
import { verifyAccessToken } from '../../server/token-validation/verify-access-token.ts'
import type { TokenIssuer } from './token-issuer.ts'
import {
  audience,
  claimsOf,
  ecKey,
  mint,
  part,
  rsaKey,
  signedText,
  startTokenIssuer,
  strangersKey,
} from './token-issuer.ts'

const timeout = 20_000
const now = () => Math.floor(Date.now() / 1_000)

type Forgery = (issuer: TokenIssuer) => Promise<string> | string

const header = { typ: 'at+jwt', alg: 'RS256', kid: 'rsa' }

const hmacUnder = (secret: string, issuer: string, kid = 'rsa'): string => {
  const text = `${part({ typ: 'at+jwt', alg: 'HS256', kid })}.${part(claimsOf(issuer))}`
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

const cut = (token: string, index: number, change: (text: string) => string): string =>
  token
    .split('.')
    .map((one, i) => (i === index ? change(one) : one))
    .join('.')

const withClaims = (claims: Record<string, unknown>): Forgery => ({ issuer }) => mint(issuer, { claims }) // prettier-ignore
const withHeader = (over: Record<string, unknown>): Forgery => ({ issuer }) => mint(issuer, { header: over }) // prettier-ignore

/** Every row is a whole token that another check would have let pass; the reason says which check stops it. */
const attacks: readonly (readonly [name: string, reason: string, forge: Forgery])[] = [
  ['another audience', 'audience', withClaims({ aud: 'https://billing.example' })],
  ['a list of other audiences', 'audience', withClaims({ aud: ['a', 'b'] })],
  ['an audience that only begins like ours', 'audience', withClaims({ aud: `${audience}/x` })],
  ['audience in other case', 'audience', withClaims({ aud: audience.toUpperCase() })],
  ['another issuer', 'issuer', withClaims({ iss: 'https://evil.example' })],
  ['issuer with a slash more', 'issuer', ({ issuer }) => mint(issuer, { claims: { iss: `${issuer}/` } })], // prettier-ignore
  ['issuer as a list', 'issuer', ({ issuer }) => mint(issuer, { claims: { iss: [issuer] } })],
  ['HS256 under the public key, as PEM', 'algorithm', async ({ issuer }) => hmacUnder(await exportSPKI(rsaKey.publicKey), issuer)], // prettier-ignore
  ['HS256 under the public key, as JWK', 'algorithm', ({ issuer }) => hmacUnder(JSON.stringify(rsaKey.jwk), issuer)], // prettier-ignore
  ['HS256 under the modulus', 'algorithm', ({ issuer }) => hmacUnder(rsaKey.jwk.n ?? '', issuer)],
  ['HS256 under an empty secret', 'algorithm', ({ issuer }) => hmacUnder('', issuer)],
  ['alg none with a signature', 'algorithm', ({ issuer }) => signedText(`${part({ ...header, alg: 'none' })}.${part(claimsOf(issuer))}`, rsaKey.privateKey)], // prettier-ignore
  ['alg NoNe', 'algorithm', ({ issuer }) => signedText(`${part({ ...header, alg: 'NoNe' })}.${part(claimsOf(issuer))}`, rsaKey.privateKey)], // prettier-ignore
  ['alg none, unsigned', 'malformed', ({ issuer }) => `${part({ ...header, alg: 'none' })}.${part(claimsOf(issuer))}.`], // prettier-ignore
  ['no signature', 'malformed', async ({ issuer }) => cut(await mint(issuer), 2, () => '')],
  ['two parts', 'malformed', async ({ issuer }) => (await mint(issuer)).split('.').slice(0, 2).join('.')], // prettier-ignore
  ['four parts', 'malformed', async ({ issuer }) => `${await mint(issuer)}.x`],
  ['five parts, as a JWE', 'malformed', async ({ issuer }) => `${await mint(issuer)}.x.y`],
  ['an RSA key under PS256', 'no_key', ({ issuer }) => mint(issuer, { header: { alg: 'PS256' }, key: pss })], // prettier-ignore
  ['RS256 named ES256', 'no_key', withForgedHeader({ alg: 'ES256' })],
  ['ES256 with the kid of the RSA key', 'no_key', ({ issuer }) => mint(issuer, { header: { kid: 'rsa' }, key: ecKey })], // prettier-ignore
  ['RS256 with the kid of the EC key', 'no_key', withHeader({ kid: 'ec' })],
  ["a stranger's key under our kid", 'signature', ({ issuer }) => mint(issuer, { key: strangersKey })], // prettier-ignore
  ["a stranger's key, embedded as jwk", 'signature', ({ issuer }) => mint(issuer, { header: { jwk: strangersKey.jwk }, key: strangersKey })], // prettier-ignore
  ['claims of another token', 'signature', async ({ issuer }) => cut(await mint(issuer), 1, () => part(claimsOf(issuer, { sub: 'root' })))], // prettier-ignore
  ['header of another token', 'signature', async ({ issuer }) => cut(await mint(issuer), 0, () => part({ ...header, x: 1 }))], // prettier-ignore
  ['a signature cut short', 'signature', async ({ issuer }) => cut(await mint(issuer), 2, (text) => text.slice(0, -2))], // prettier-ignore
  ['a kid of nobody', 'no_key', withHeader({ kid: 'nobody' })],
  ['kid as a path', 'no_key', withHeader({ kid: '../../../../dev/null' })],
  ['kid as a URL', 'no_key', withHeader({ kid: 'https://evil.example/jwks' })],
  ['kid as SQL', 'no_key', withHeader({ kid: "rsa' OR '1'='1" })],
  ['kid as a command', 'no_key', withHeader({ kid: '$(touch /tmp/x)' })],
  ['kid __proto__', 'no_key', withHeader({ kid: '__proto__' })],
  ['kid with a NUL', 'no_key', withHeader({ kid: 'rsa\u0000' })],
  ['kid as a number', 'malformed', withForgedHeader({ kid: 1 })],
  ['kid as a list', 'malformed', withForgedHeader({ kid: ['rsa'] })],
  ['no kid among keys of one kind and use', 'typ', withHeader({ kid: undefined, typ: 'x+jwt' })],
  ['expired', 'expired', withClaims({ exp: now() - 10 })],
  ['expired since 1970', 'expired', withClaims({ exp: 1 })],
  ['exp as a text', 'missing_claim', withClaims({ exp: String(now() + 300) })],
  ['exp without end', 'missing_claim', ({ issuer }) => signedText(`${part(header)}.${part(JSON.stringify(claimsOf(issuer)).replace(/"exp":\d+/, '"exp":1e999'))}`, rsaKey.privateKey)], // prettier-ignore
  ['not valid before tomorrow', 'not_yet_valid', withClaims({ nbf: now() + 86_400 })],
  ['nbf as a text', 'not_yet_valid', withClaims({ nbf: '0' })],
  ['issued tomorrow', 'not_yet_valid', withClaims({ iat: now() + 86_400, exp: now() + 90_000 })],
  ['ID token', 'typ', ({ issuer }) => mint(issuer, { header: { typ: undefined }, claims: { nonce: 'n', at_hash: 'h' } })], // prettier-ignore
  ['ID token that says JWT', 'typ', withHeader({ typ: 'JWT' })],
  ['logout token', 'typ', withHeader({ typ: 'logout+jwt' })],
  ['DPoP proof', 'typ', withHeader({ typ: 'dpop+jwt' })],
  ['typ as a list', 'typ', withForgedHeader({ typ: ['at+jwt'] })],
  ['crit of an unknown extension', 'extension', withForgedHeader({ crit: ['exp'], exp: 1 })],
  ['crit, empty', 'extension', withForgedHeader({ crit: [] })],
  ['b64 false', 'extension', withForgedHeader({ b64: false, crit: ['b64'] })],
  ['duplicate alg', 'duplicate_names', ({ issuer }) => signedText(`${part(`{"alg":"none","typ":"at+jwt","alg":"RS256","kid":"rsa"}`)}.${part(claimsOf(issuer))}`, rsaKey.privateKey)], // prettier-ignore
  ['duplicate aud', 'duplicate_names', ({ issuer }) => signedText(`${part(header)}.${part(`{"aud":"x",${JSON.stringify(claimsOf(issuer)).slice(1)}`)}`, rsaKey.privateKey)], // prettier-ignore
  ['duplicate sub, escaped', 'duplicate_names', ({ issuer }) => signedText(`${part(header)}.${part(`{"s\\u0075b":"root",${JSON.stringify(claimsOf(issuer)).slice(1)}`)}`, rsaKey.privateKey)], // prettier-ignore
  ['claims that are a list', 'malformed', () => signedText(`${part(header)}.${part([])}`, rsaKey.privateKey)], // prettier-ignore
  ['claims that are null', 'malformed', () => signedText(`${part(header)}.${part('null')}`, rsaKey.privateKey)], // prettier-ignore
  ['claims that are no UTF-8', 'malformed', () => signedText(`${part(header)}.${Buffer.from([0x22, 0xff, 0x22]).toString('base64url')}`, rsaKey.privateKey)], // prettier-ignore
  ['oversized', 'too_large', withClaims({ fill: 'x'.repeat(20_000) })],
  ['spare bits in the signature', 'malformed', async ({ issuer }) => cut(await mint(issuer), 2, twin)], // prettier-ignore
  ['cnf without a proof', 'sender_constrained', withClaims({ cnf: { jkt: 'x' } })],
  ['cnf of a certificate', 'sender_constrained', withClaims({ cnf: { 'x5t#S256': 'x' } })],
  ['cnf of another type', 'sender_constrained', withClaims({ cnf: 'x' })],
]

/** Another last letter for the same bytes. */
function twin(text: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  const other = letters[letters.indexOf(text.at(-1) ?? '') ^ 1] ?? ''
  assert.deepEqual(Buffer.from(text.slice(0, -1) + other, 'base64url'), Buffer.from(text, 'base64url')) // prettier-ignore
  return text.slice(0, -1) + other
}

/** What jose's builder would not write, signed well. */
function withForgedHeader(over: Record<string, unknown>): Forgery {
  return ({ issuer }) =>
    signedText(`${part({ ...header, ...over })}.${part(claimsOf(issuer))}`, rsaKey.privateKey)
}

/** The same RSA key, as one for PSS. */
const pss = {
  ...rsaKey,
  privateKey: await crypto.subtle.importKey(
    'pkcs8',
    await crypto.subtle.exportKey('pkcs8', rsaKey.privateKey),
    { name: 'RSA-PSS', hash: 'SHA-256' },
    true,
    ['sign'],
  ),
}

const refusalOf = async (work: Promise<unknown>): Promise<AccessTokenError> => {
  try {
    await work
  } catch (error) {
    assert.ok(error instanceof AccessTokenError, String(error))
    return error
  }
  throw new assert.AssertionError({ message: 'the token passed' })
}

for (const [name, reason, forge] of attacks)
  test(`access token › ${name} (AT-4-a) › 401 invalid_token`, { timeout }, async (t) => {
    const issuer = await startTokenIssuer(t)
    const verify = verifyAccessToken({ issuer: issuer.issuer, audience })
    const good = { headers: { authorization: `Bearer ${await mint(issuer.issuer)}` } }
    assert.equal((await verify(good)).sub, 'ada')
    const authorization = `Bearer ${await forge(issuer)}`
    const error = await refusalOf(verify({ headers: { authorization } }))
    assert.equal(error.reason, reason)
    assert.equal(error.status, 401)
    assert.match(error.headers['WWW-Authenticate'] ?? '', /^Bearer realm="api", error="invalid_token"/) // prettier-ignore
    assert.ok(!`${error.message} ${JSON.stringify(error)}`.includes(authorization.slice(20, 60)))
    // Nothing was fetched that the token named.
    const fetched = new Set(issuer.requests)
    assert.deepEqual([...fetched], ['/.well-known/openid-configuration', '/jwks'])
  })

for (const name of ['iss', 'aud', 'sub', 'client_id', 'exp', 'iat', 'jti'])
  test(`access token › without ${name} (AT-4-a) › 401 invalid_token`, { timeout }, async (t) => {
    const { issuer } = await startTokenIssuer(t)
    const token = await mint(issuer, { claims: { [name]: undefined } })
    const verify = verifyAccessToken({ issuer, audience })
    const error = await refusalOf(verify({ headers: { authorization: `Bearer ${token}` } }))
    assert.equal(error.reason, name === 'iss' ? 'issuer' : 'missing_claim')
  })

for (const [name, bend] of [
  ['a blank inside', (token: string) => `${token.slice(0, 20)} ${token.slice(20)}`],
  ['a line break inside', (token: string) => `${token.slice(0, 20)}\n${token.slice(20)}`],
  ['a blank behind', (token: string) => `${token} `],
  ['a comma behind', (token: string) => `${token},`],
  ['a second token behind a comma', (token: string) => `${token}, Bearer ${token}`],
  ['percent encoding', (token: string) => token.replace('.', '%2E')],
] as const)
  test(`access token › ${name} (BT-2-a) › 400 invalid_request`, { timeout }, async (t) => {
    const { issuer } = await startTokenIssuer(t)
    const authorization = `Bearer ${bend(await mint(issuer))}`
    const verify = verifyAccessToken({ issuer, audience })
    const error = await refusalOf(verify({ headers: { authorization } }))
    assert.equal(error.status, 400)
    assert.equal(error.code, 'invalid_request')
  })

for (const kty of ['rsaKey', 'ecKey'] as const)
  test(
    `access token › by the ${kty} (AT-4-a) › passes, whatever case its typ has`,
    { timeout },
    async (t) => {
      // prettier-ignore
      const { issuer } = await startTokenIssuer(t)
      const verify = verifyAccessToken({ issuer, audience })
      for (const typ of ['at+jwt', 'AT+JWT', 'application/at+jwt']) {
        const token = await mint(issuer, { header: { typ }, key: { rsaKey, ecKey }[kty] })
        const said = await verify({ headers: { authorization: `bearer ${token}` } })
        assert.deepEqual(said.scopes, ['orders:read', 'orders:write'])
        assert.deepEqual([said.roles, said.tenants], [['orders-read'], ['acme']])
      }
    },
  )

for (const algorithms of [['HS256'], ['none'], ['RS256', 'HS512'], []])
  test(`verifyAccessToken › algorithms ${algorithms.join(' ') || 'none at all'} › throws when it is made`, () => {
    // What a caller without types may write.
    const wrong = algorithms as unknown as ['RS256']
    assert.throws(() => verifyAccessToken({ issuer: 'https://id.example', audience, algorithms: wrong })) // prettier-ignore
  })
