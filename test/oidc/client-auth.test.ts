import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeProtectedHeader, exportJWK, generateKeyPair, jwtVerify } from 'jose'
import { profiles } from '../../server/core/profiles.ts'
import { secret } from '../../server/core/secret.ts'
import { privateKeys } from '../../server/config/client-keys.ts'
import { clientAuthsOf } from '../../server/oidc/client-auth.ts'

const generic = profiles.generic.clientAssertion
const server = { issuer: 'https://id.example', token_endpoint: 'https://id.example/token' }
const party = { client_id: 'bff' }

/** A key pair, and the assertions that are made with its private half under a name of our own. */
const signer = async (algorithm: string, alg: string | undefined = algorithm) => {
  const pair = await generateKeyPair(algorithm, { extractable: true })
  const jwk = await exportJWK(pair.privateKey)
  const keys = secret([{ ...jwk, kid: 'c1', ...(alg !== '' && { alg }) }])
  const [authenticate] = await clientAuthsOf({ method: 'private_key_jwt', keys }, generic)
  const assertion = async () => {
    const body = new URLSearchParams()
    await Promise.resolve(authenticate?.(server, party, body, new Headers()))
    return body
  }
  return { assertion, publicKey: pair.publicKey, jwk }
}

for (const algorithm of ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'Ed25519'])
  test(`clientAuthsOf › a key for ${algorithm}, with and without its alg › signs so (C7, OIDC-9-a)`, async () => {
    for (const alg of algorithm === 'PS256' ? [algorithm] : [algorithm, '']) {
      const { assertion, publicKey } = await signer(algorithm, alg)
      const jwt = (await assertion()).get('client_assertion') ?? ''
      const { protectedHeader } = await jwtVerify(jwt, publicKey, { algorithms: [algorithm] })
      assert.deepEqual(protectedHeader, {
        alg: algorithm,
        kid: 'c1',
        typ: 'client-authentication+jwt',
      })
    }
  })

test('clientAuthsOf › a key whose alg is EdDSA › the header says EdDSA, and the signature stands', async () => {
  const { assertion, publicKey } = await signer('Ed25519', 'EdDSA')
  const jwt = (await assertion()).get('client_assertion') ?? ''
  await jwtVerify(jwt, publicKey, { algorithms: ['EdDSA'] })
  assert.equal(decodeProtectedHeader(jwt).alg, 'EdDSA')
})

test('clientAuthsOf › any key as the settings read it › its public half verifies the assertion', async () => {
  for (const algorithm of ['RS256', 'ES384', 'Ed25519']) {
    const { jwk, publicKey } = await signer(algorithm)
    const parsed = privateKeys(JSON.stringify({ keys: [jwk] }))
    assert.ok(parsed.ok)
    const [authenticate] = await clientAuthsOf(
      { method: 'private_key_jwt', keys: parsed.value },
      generic,
    )
    const body = new URLSearchParams()
    await Promise.resolve(authenticate?.(server, party, body, new Headers()))
    await jwtVerify(body.get('client_assertion') ?? '', publicKey)
  }
})

test('clientAuthsOf › 1 000 assertions › iss and sub are us, aud the issuer alone, a jti each, 60 s at most (C7, OIDC-9-a, FAPI-5.3.3.1-b, PKJ-3-a, PKJ-3-b, PKJ-3-c)', async () => {
  const { assertion, publicKey } = await signer('ES256')
  const seen = new Set<unknown>()
  for (let n = 0; n < 1_000; n += 1) {
    const body = await assertion()
    assert.equal(body.get('client_id'), 'bff')
    assert.equal(
      body.get('client_assertion_type'),
      'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    )
    const { payload } = await jwtVerify(body.get('client_assertion') ?? '', publicKey)
    const { iss, sub, aud, jti, exp = Infinity, iat = 0 } = payload
    assert.deepEqual([iss, sub, aud], ['bff', 'bff', 'https://id.example'])
    assert.ok(exp - iat <= 60)
    seen.add(jti)
  }
  assert.equal(seen.size, 1_000)
})
