import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto'
import { err, ok } from '../core/result.ts'
import type { Secret } from '../core/secret.ts'
import { secret } from '../core/secret.ts'
import type { JsonObject } from '../core/json-object.ts'
import { isJsonObject } from '../core/json-object.ts'
import type { Parser } from './parsers.ts'

/** Private JWKs that can sign: an array, or a JWK set. */
export const privateKeys: Parser<Secret<readonly JsonObject[]>> = (text) => {
  const keys = keysOf(text)
  if (keys === undefined || keys.length === 0)
    return err('is not a JSON array of JWKs, nor a JWK set')
  return keys.every((key) => canSign(key))
    ? ok(secret(keys))
    : err(
        'has a key that is not a private RSA, EC or Ed25519 key, or whose alg is for another kind',
      )
}

const keysOf = (text: string): readonly JsonObject[] | undefined => {
  try {
    const parsed: unknown = JSON.parse(text)
    const keys: unknown = isJsonObject(parsed) ? parsed['keys'] : parsed
    return Array.isArray(keys) && keys.every(isJsonObject) ? keys : undefined
  } catch {
    return undefined
  }
}

const byCurve: Readonly<Record<string, readonly string[]>> = {
  'P-256': ['ES256'],
  'P-384': ['ES384'],
  'P-521': ['ES512'],
  Ed25519: ['EdDSA', 'Ed25519'],
}

/** What a key of this kind signs with, the usual first. RFC 7518 section 3.1, RFC 8037 section 3.1. */
const algorithmsOf = (key: JsonObject): readonly string[] =>
  key['kty'] === 'RSA'
    ? ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
    : (byCurve[String(key['crv'])] ?? [])

/** Signs once and checks by the public half: a damaged key shows at the start, not at the first login. */
const canSign = (key: JsonObject): boolean => {
  const probe = Buffer.from('latchkey')
  const hash = key['crv'] === 'Ed25519' ? null : 'sha256'
  const { kty, crv, x, y, n, e } = key
  const publicHalf: JsonObject = { kty, crv, x, y, n, e }
  try {
    const signature = sign(hash, probe, createPrivateKey({ key, format: 'jwk' }))
    const publicKey = createPublicKey({ key: publicHalf, format: 'jwk' })
    const known = algorithmsOf(key)
    const { alg = known[0] } = key
    const isFit = typeof alg === 'string' && known.includes(alg)
    return isFit && verify(hash, probe, publicKey, signature)
  } catch {
    return false
  }
}
