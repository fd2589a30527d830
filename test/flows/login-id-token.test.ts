import { KeyObject, createHmac, createPublicKey, sign } from 'node:crypto'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JWTPayload } from 'jose'
import { CompactSign, SignJWT, decodeJwt, generateKeyPair } from 'jose'
import { assertRefusedLogin, openCallback, pendingCallback } from '../support/login-steps.ts'
import type { ScriptedIssuer } from '../support/scripted-issuer.ts'
import { scriptedClient } from '../support/scripted-issuer.ts'
import { spyBackend } from '../support/spy-backend.ts'
import { startWorld } from '../support/world.ts'

const now = () => Math.floor(Date.now() / 1_000)
const encoded = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
const us = scriptedClient.id

/** A change of the ID token's claims. */
const claims = (change: () => Record<string, unknown>) => (issuer: ScriptedIssuer) => {
  issuer.script.idTokenClaims = change()
}

/** A change of the signed token. */
const altered =
  (alter: (token: string, issuer: ScriptedIssuer) => string | Promise<string>) =>
  (issuer: ScriptedIssuer) => {
    issuer.script.alterIdToken = (token) => alter(token, issuer)
  }

/** The same claims signed by the issuer under another header. */
const withHeader = (header: Record<string, unknown>) =>
  altered((token, issuer) => issuer.sign(decodeJwt(token), header))

const foreignKey = async (token: string, algorithm: string): Promise<string> => {
  const { privateKey } = await generateKeyPair(algorithm)
  const header = { alg: algorithm, kid: 'k1' }
  return await new SignJWT(decodeJwt(token)).setProtectedHeader(header).sign(privateKey)
}

/** HS256 keyed with what everybody knows: the issuer's public key. */
const hmacForgery = (token: string, { publicJwk }: ScriptedIssuer): string => {
  const key = createPublicKey({ key: { ...publicJwk }, format: 'jwk' })
  const pem = key.export({ type: 'spki', format: 'pem' })
  const signed = `${encoded({ alg: 'HS256', kid: 'k1' })}.${token.split('.')[1] ?? ''}`
  return `${signed}.${createHmac('sha256', pem).update(signed).digest('base64url')}`
}

const unsigned = (alg: string) => (token: string) =>
  `${encoded({ alg })}.${token.split('.')[1] ?? ''}.`

const flippedBit = (token: string): string => {
  const signature = Buffer.from(token.split('.')[2] ?? '', 'base64url')
  signature.writeUInt8(signature.readUInt8(9) ^ 1, 9)
  return `${token.split('.').slice(0, 2).join('.')}.${signature.toString('base64url')}`
}

/** The issuer's own signature over the payload as text, with what the test puts in front of its first claim. */
const withText = (first: string) =>
  altered((token, { privateKey }) => {
    const text = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')
    const payload = Buffer.from(`{${first},${text.slice(1)}`)
    return new CompactSign(payload).setProtectedHeader({ alg: 'RS256', kid: 'k1' }).sign(privateKey)
  })

/** The issuer's own signature under a header as text. */
const withHeaderText = (header: string) =>
  altered((token, { privateKey }) => {
    const signed = `${Buffer.from(header).toString('base64url')}.${token.split('.')[1] ?? ''}`
    const key = KeyObject.from(privateKey)
    return `${signed}.${sign('sha256', Buffer.from(signed), key).toString('base64url')}`
  })

const logoutToken = (change: (claims: JWTPayload) => JWTPayload) =>
  altered((token, issuer) => {
    const original = decodeJwt(token)
    const claims = { ...original, nonce: undefined }
    const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
    return issuer.sign({ ...claims, jti: 'j', events, ...change(original) }, { typ: 'logout+jwt' })
  })

const listing = (algorithms: string[], bend: (issuer: ScriptedIssuer) => void) => {
  return (issuer: ScriptedIssuer) => {
    issuer.script.alterMetadata = (metadata) => ({
      ...metadata,
      id_token_signing_alg_values_supported: algorithms,
    })
    bend(issuer)
  }
}

const dropped = (name: string) => (issuer: ScriptedIssuer) => {
  issuer.script.alterTokenAnswer = (answer) => ({ ...answer, [name]: undefined })
}

const matrix: Record<string, (issuer: ScriptedIssuer) => void> = {
  'iss of another (OIDC-3.1.3.7-2)': claims(() => ({ iss: 'https://evil.test' })),
  'iss missing (OIDC-3.1.3.7-2)': claims(() => ({ iss: undefined })),
  'iss with a slash more (OIDC-3.1.3.7-2)': (issuer) => {
    issuer.script.idTokenClaims = { iss: `${issuer.issuer}/` }
  },
  'aud of another client (OIDC-3.1.3.7-3)': claims(() => ({ aud: 'evil' })),
  'aud missing (OIDC-3.1.3.7-3)': claims(() => ({ aud: undefined })),
  'a second audience (C6, OIDC-3.1.3.7-3)': claims(() => ({ aud: [us, 'evil'] })),
  'a second audience, azp ours (C6, OIDC-3.1.3.7-3)': claims(() => ({
    aud: [us, 'evil'],
    azp: us,
  })),
  'a lone azp of another (C6, OIDC-3.1.3.7-5)': claims(() => ({ azp: 'evil' })),
  'a flipped bit in the signature (OIDC-3.1.3.7-6)': altered(flippedBit),
  'another key under our kid (OIDC-3.1.3.7-6)': altered((token) => foreignKey(token, 'RS256')),
  'no signature at all (OIDC-3.1.3.7-6)': altered((token) => `${token.split('.', 2).join('.')}.`),
  'alg none (OIDC-3.1.3.7-7, R16)': altered(unsigned('none')),
  'alg none where it is listed (OIDC-3.1.3.7-7, R16)': listing(
    ['none', 'RS256'],
    altered(unsigned('none')),
  ),
  'alg NonE (R16)': altered(unsigned('NonE')),
  'HS256 with the public key (OIDC-3.1.3.7-7, R16)': altered(hmacForgery),
  'HS256 where it is listed (OIDC-3.1.3.7-7, R16)': listing(
    ['HS256', 'RS256'],
    altered(hmacForgery),
  ),
  'an algorithm that is not the pinned one (OIDC-3.1.3.7-7)': altered((token) =>
    foreignKey(token, 'ES256'),
  ),
  'exp a minute ago (OIDC-3.1.3.7-9)': claims(() => ({ exp: now() - 60 })),
  'exp missing (OIDC-3.1.3.7-9)': claims(() => ({ exp: undefined })),
  'iat an hour ahead (OIDC-3.1.3.7-9)': claims(() => ({ iat: now() + 3_600 })),
  'iat a day ahead (R16)': claims(() => ({ iat: now() + 86_400, exp: now() + 90_000 })),
  'iat a week ago (OIDC-3.1.3.7-9)': claims(() => ({ iat: now() - 604_800 })),
  'iat missing (OIDC-3.1.3.7-9)': claims(() => ({ iat: undefined })),
  'nbf ahead': claims(() => ({ nbf: now() + 3_600 })),
  'nonce missing (OIDC-3.1.3.7-11)': claims(() => ({ nonce: undefined })),
  'nonce of another login (OIDC-3.1.3.7-11)': claims(() => ({ nonce: 'x'.repeat(43) })),
  'nonce a list (OIDC-3.1.3.7-11)': claims(() => ({ nonce: ['x'] })),
  'at_hash of another token (OIDC-3.1.3.8-a, R16)': claims(() => ({ at_hash: 'x'.repeat(22) })),
  'at_hash no text (OIDC-3.1.3.8-a)': claims(() => ({ at_hash: 1 })),
  'sub missing': claims(() => ({ sub: undefined })),
  'sub empty': claims(() => ({ sub: '' })),
  'sub a number': claims(() => ({ sub: 42 })),
  'sub of 256 characters': claims(() => ({ sub: 'x'.repeat(256) })),
  'no ID token': dropped('id_token'),
  'no access token': dropped('access_token'),
  'kid that nobody has (R16)': withHeader({ kid: 'k2' }),
  'kid that is a path (R16)': withHeader({ kid: '../../../../etc/passwd' }),
  'crit that nobody knows (R16)': altered((token, { privateKey }) =>
    new SignJWT(decodeJwt(token))
      .setProtectedHeader({ alg: 'RS256', kid: 'k1', crit: ['x'], x: 1 })
      .sign(privateKey, { crit: { x: true } }),
  ),
  'b64 false (R16)': withHeaderText('{"alg":"RS256","kid":"k1","b64":false}'),
  'b64 false in crit (R16)': withHeaderText(
    '{"alg":"RS256","kid":"k1","b64":false,"crit":["b64"]}',
  ),
  'alg twice in the header (R16)': withHeaderText('{"alg":"none","kid":"k1","alg":"RS256"}'),
  'sub twice in the payload (R16)': withText('"sub":"someone-else"'),
  'aud twice in the payload, once escaped (R16)': withText(String.raw`"\u0061ud":"evil"`),
  'a name twice further down (R16)': withText('"address":{"country":"A","country":"B"}'),
  'a logout token (R16)': logoutToken(() => ({})),
  'a logout token with an empty nonce (R16)': logoutToken(() => ({ nonce: '' })),
  'a logout token with our nonce (R16)': logoutToken(({ nonce }) => ({ nonce })),
  'an access token with our nonce (R16)': withHeader({ kid: 'k1', typ: 'at+jwt' }),
  'a payload that is a list': altered((_token, { privateKey }) =>
    new CompactSign(Buffer.from('[]'))
      .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
      .sign(privateKey),
  ),
  'five parts, as if encrypted (OIDC-3.1.3.7-1, R16)': altered(
    () => `${encoded({ alg: 'RSA-OAEP', enc: 'A256GCM' })}.a.b.c.d`,
  ),
}

for (const [name, bend] of Object.entries(matrix))
  test(`callback › ID token: ${name} › login_failed, no record, no session`, async (t) => {
    const spy = spyBackend()
    const world = await startWorld(t, { backend: spy.backend })
    bend(world.issuer)
    const user = world.newBrowser()
    const answer = await openCallback(user, await pendingCallback(user))
    assertRefusedLogin(answer, 400, 'login_failed')
    assert.equal(spy.count('create'), 0)
    assert.equal(world.issuer.grants('authorization_code'), 1)
    assert.equal((await user.session())['authenticated'], false)
  })

test('callback › ID token with keys in its header › the keys are not fetched and not used (R16)', async (t) => {
  const world = await startWorld(t)
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
  world.issuer.script.alterIdToken = async (token) => {
    const jwk = createPublicKey({
      key: Buffer.from(await crypto.subtle.exportKey('spki', publicKey)),
      format: 'der',
      type: 'spki',
    }).export({ format: 'jwk' })
    const from = world.issuer.issuer
    const header = { alg: 'RS256', kid: 'k1', jku: `${from}/jku`, x5u: `${from}/x5u`, jwk }
    return await new SignJWT(decodeJwt(token)).setProtectedHeader(header).sign(privateKey)
  }
  const user = world.newBrowser()
  const answer = await openCallback(user, await pendingCallback(user))
  assertRefusedLogin(answer, 400, 'login_failed')
  assert.deepEqual(
    world.issuer.paths.filter((path) => path === '/jku' || path === '/x5u'),
    [],
  )
})

test('callback › ID token with aud in a list and azp ours › the login succeeds (OIDC-3.1.3.7-5)', async (t) => {
  const world = await startWorld(t)
  world.issuer.script.idTokenClaims = { aud: [us], azp: us }
  const user = await world.loggedIn()
  assert.equal((await user.session())['authenticated'], true)
})
