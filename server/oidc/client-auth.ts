import { createHash } from 'node:crypto'
import { importJWK } from 'jose'
import type { ClientAuth as Authenticate, PrivateKey } from 'openid-client'
import * as client from 'openid-client'
import type { ClientAuth } from '../config/config.ts'
import type { AssertionDialect } from '../core/dialects.ts'

/** How this client proves itself to the token endpoint; two ways while its secret or its key rotates. */
export const clientAuthsOf = async (
  auth: ClientAuth,
  dialect: AssertionDialect,
): Promise<readonly Authenticate[]> => {
  switch (auth.method) {
    case 'client_secret_basic':
      return secretsOf(auth).map((secret) => client.ClientSecretBasic(secret))
    case 'client_secret_post':
      return secretsOf(auth).map((secret) => client.ClientSecretPost(secret))
    case 'private_key_jwt':
      return await Promise.all(
        newestTwo(auth.keys.reveal()).map((key) => privateKeyJwt(key, dialect)),
      )
    case 'none':
      return [client.None()]
  }
}

type SecretAuth = Extract<ClientAuth, { readonly secret: unknown }>

const secretsOf = ({ secret, nextSecret }: SecretAuth): readonly string[] =>
  [secret, nextSecret].flatMap((each) => (each === undefined ? [] : [each.reveal()]))

type Jwk = Readonly<Record<string, unknown>>

/** The one before signs where the provider does not know the newest yet. */
const newestTwo = (keys: readonly Jwk[]): readonly Jwk[] => {
  if (keys.length === 0) throw new RangeError('private_key_jwt needs a key')
  return keys.slice(0, 2)
}

/** Assertions under one key: a random `jti`, a life of 60 seconds. OpenID Connect Core 1.0 section 9. */
const privateKeyJwt = async (jwk: Jwk, dialect: AssertionDialect): Promise<Authenticate> => {
  const key = await imported(jwk, dialect)
  const thumbprint = thumbprintOf(jwk)
  return (server, party, body, headers) =>
    client.PrivateKeyJwt(key, {
      [client.modifyAssertion]: (header, payload) => {
        header['typ'] = dialect.typ
        // The library writes Ed25519, the newer name, which a provider that says EdDSA need not know.
        if (jwk['alg'] === 'EdDSA') header['alg'] = 'EdDSA'
        if (thumbprint !== undefined) header['x5t#S256'] = thumbprint
        if (dialect.audience === 'token_endpoint') payload['aud'] = server.token_endpoint
      },
    })(server, party, body, headers)
}

/** Names the certificate that the provider has of this key. RFC 7517 sections 4.7 and 4.9, RFC 7515 section 4.1.8. */
const thumbprintOf = (jwk: Jwk): string | undefined => {
  if (typeof jwk['x5t#S256'] === 'string') return jwk['x5t#S256']
  const chain: unknown = jwk['x5c']
  const certificate: unknown = Array.isArray(chain) ? chain[0] : undefined
  return typeof certificate === 'string'
    ? createHash('sha256').update(Buffer.from(certificate, 'base64')).digest('base64url')
    : undefined
}

const imported = async (jwk: Jwk, dialect: AssertionDialect): Promise<PrivateKey> => {
  const key = await importJWK({ ...jwk }, algorithmOf(jwk, dialect))
  if (!(key instanceof CryptoKey)) throw new TypeError('OIDC_CLIENT_KEYS holds a symmetric key')
  return typeof jwk['kid'] === 'string' ? { key, kid: jwk['kid'] } : { key }
}

const byCurve: Readonly<Record<string, string>> = {
  'P-256': 'ES256',
  'P-384': 'ES384',
  'P-521': 'ES512',
  Ed25519: 'Ed25519',
}

/** What the key says it is for, else what its kind is for. RFC 7518 section 3.1, RFC 8037 section 3.1. */
const algorithmOf = ({ alg, crv }: Jwk, { rsaAlgorithm }: AssertionDialect): string => {
  if (typeof alg === 'string') return alg
  return byCurve[String(crv)] ?? rsaAlgorithm
}
