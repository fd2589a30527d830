import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { SignJWT, calculateJwkThumbprint, exportJWK, generateKeyPair } from 'jose'
import { AccessTokenError } from '../../server/token-validation/access-token-error.ts'
import type { TokenRequest } from '../../server/token-validation/presented-token.ts'
import { verifyAccessToken } from '../../server/token-validation/verify-access-token.ts'
import { audience, ecKey, mint, startTokenIssuer } from './token-issuer.ts'

const timeout = 20_000
const origin = 'https://orders.example'

const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true })
const jwk = await exportJWK(publicKey)
const jkt = await calculateJwkThumbprint(jwk)

type Json = Record<string, unknown>

const proofOf = async (token: string, claims: Json = {}, header: Json = {}): Promise<string> => {
  const own = {
    jti: randomUUID(),
    htm: 'POST',
    htu: `${origin}/orders/7`,
    iat: Math.floor(Date.now() / 1_000),
    ath: createHash('sha256').update(token).digest('base64url'),
    ...claims,
  }
  const kept = Object.fromEntries(Object.entries<unknown>(own).filter(([, v]) => v !== undefined))
  return await new SignJWT(kept)
    .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
    .sign(privateKey)
}

const requestWith = (token: string, proof: string | undefined, scheme = 'DPoP'): TokenRequest => ({
  method: 'POST',
  url: '/orders/7?page=2',
  headers: { authorization: `${scheme} ${token}`, ...(proof !== undefined && { dpop: proof }) },
})

const age = (seconds: number) => ({ iat: Math.floor(Date.now() / 1_000) + seconds })

const proofs: readonly (readonly [name: string, claims: Json, header: Json, outcome: string])[] = [
  ['as it should be', {}, {}, 'passes'],
  ['its htu in other spelling', { htu: 'HTTPS://Orders.Example:443/orders/7' }, {}, 'passes'],
  ['a query in its htu', { htu: `${origin}/orders/7?page=3#x` }, {}, 'passes'],
  ['50 s old', age(-50), {}, 'passes'],
  ['of another method', { htm: 'GET' }, {}, 'proof_method'],
  ['of the method in lower case', { htm: 'post' }, {}, 'proof_method'],
  ['of another path', { htu: `${origin}/orders` }, {}, 'proof_address'],
  ['of another origin', { htu: 'https://billing.example/orders/7' }, {}, 'proof_address'],
  ['of plain http', { htu: 'http://orders.example/orders/7' }, {}, 'proof_address'],
  ['of a path alone', { htu: '/orders/7' }, {}, 'proof_address'],
  ['for another token', { ath: createHash('sha256').update('x').digest('base64url') }, {}, 'proof_token'], // prettier-ignore
  ['without ath', { ath: undefined }, {}, 'proof_malformed'],
  ['without jti', { jti: undefined }, {}, 'proof_malformed'],
  ['with an endless jti', { jti: 'x'.repeat(300) }, {}, 'proof_malformed'],
  ['two minutes old', age(-120), {}, 'proof_time'],
  ['of tomorrow', age(86_400), {}, 'proof_time'],
  ['that is a JWT', {}, { typ: 'JWT' }, 'proof_malformed'],
  ['that is an access token', {}, { typ: 'at+jwt' }, 'proof_malformed'],
  ['without its key', {}, { jwk: undefined }, 'proof_key'],
  ['with its private key', {}, { jwk: await exportJWK(privateKey) }, 'proof_key'],
  ["with another's key", {}, { jwk: ecKey.jwk }, 'proof_signature'],
]

for (const [name, claims, header, outcome] of proofs)
  test(`DPoP proof › ${name} (DPOP-7-a) › ${outcome}`, { timeout }, async (t) => {
    const { issuer } = await startTokenIssuer(t)
    const verify = verifyAccessToken({ issuer, audience, dpop: { origin } })
    const token = await mint(issuer, { claims: { cnf: { jkt } } })
    const work = verify(requestWith(token, await proofOf(token, claims, header)))
    if (outcome === 'passes') assert.equal((await work).scheme, 'DPoP')
    else
      await assert.rejects(work, (error: unknown) => {
        assert.ok(error instanceof AccessTokenError)
        assert.deepEqual(
          [error.code, error.status, error.reason],
          ['invalid_dpop_proof', 401, outcome],
        )
        assert.match(error.headers['WWW-Authenticate'] ?? '', /^DPoP realm="api", error="invalid_dpop_proof", algs="/) // prettier-ignore
        return true
      })
  })

test(
  'DPoP proof › played back › is refused the second time, at other processes too',
  { timeout },
  async (t) => {
    // prettier-ignore
    const { issuer } = await startTokenIssuer(t)
    const shared = new Set<string>()
    const remember = (key: string) => !shared.has(key) && Boolean(shared.add(key))
    const token = await mint(issuer, { claims: { cnf: { jkt } } })
    const request = requestWith(token, await proofOf(token))
    const alone = verifyAccessToken({ issuer, audience, dpop: { origin } })
    await alone(request)
    await assert.rejects(alone(request), { reason: 'proof_replayed' })
    const [one, other] = [1, 2].map(() => verifyAccessToken({ issuer, audience, dpop: { origin, remember } })) // prettier-ignore
    await one?.(request)
    await assert.rejects(async () => await other?.(request), { reason: 'proof_replayed' })
  },
)

test(
  'DPoP proof › for a path, at one that begins with two slashes and ends like it › proof_address',
  { timeout },
  async (t) => {
    const { issuer } = await startTokenIssuer(t)
    const verify = verifyAccessToken({ issuer, audience, dpop: { origin } })
    const token = await mint(issuer, { claims: { cnf: { jkt } } })
    const request = { ...requestWith(token, await proofOf(token)), url: '//admin/orders/7' }
    await assert.rejects(verify(request), { reason: 'proof_address' })
  },
)

test('DPoP proof › none, or two › 401 invalid_dpop_proof', { timeout }, async (t) => {
  const { issuer } = await startTokenIssuer(t)
  const verify = verifyAccessToken({ issuer, audience, dpop: { origin } })
  const token = await mint(issuer, { claims: { cnf: { jkt } } })
  const missing = { code: 'invalid_dpop_proof', reason: 'proof_missing' }
  await assert.rejects(verify(requestWith(token, undefined)), missing)
  const twice = ['DPoP', await proofOf(token), 'dpop', await proofOf(token)]
  await assert.rejects(verify({ ...requestWith(token, twice[1]), rawHeaders: twice }), missing)
})

test(
  'a bound token › as Bearer, with a proof or without (RFC 9449 section 7.2) › 401 invalid_token',
  { timeout },
  async (t) => {
    // prettier-ignore
    const { issuer } = await startTokenIssuer(t)
    const token = await mint(issuer, { claims: { cnf: { jkt } } })
    for (const options of [{}, { dpop: { origin } }]) {
      const verify = verifyAccessToken({ issuer, audience, ...options })
      for (const proof of [undefined, await proofOf(token)])
      await assert.rejects(verify(requestWith(token, proof, 'Bearer')), { code: 'invalid_token', reason: 'sender_constrained' }) // prettier-ignore
    }
  },
)

test(
  'a bearer token › where DPoP is allowed, and required › passes as Bearer; is no token',
  { timeout },
  async (t) => {
    // prettier-ignore
    const { issuer } = await startTokenIssuer(t)
    const token = await mint(issuer)
    const allowed = verifyAccessToken({ issuer, audience, dpop: { origin } })
    assert.equal((await allowed(requestWith(token, undefined, 'Bearer'))).scheme, 'Bearer')
    const unbound = { code: 'invalid_token', reason: 'not_bound' }
    await assert.rejects(allowed(requestWith(token, await proofOf(token))), unbound)
    const required = verifyAccessToken({ issuer, audience, dpop: { origin, required: true } })
    await assert.rejects(required(requestWith(token, undefined, 'Bearer')), {
      code: 'token_missing',
      headers: { 'WWW-Authenticate': 'DPoP realm="api", algs="ES256 EdDSA PS256 RS256"' },
    })
  },
)
