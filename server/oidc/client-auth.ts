import { importJWK } from 'jose'
import type { ClientAuth as Authenticate, PrivateKey } from 'openid-client'
import * as client from 'openid-client'
import type { ClientAuth } from '../config/config.ts'

/** How this client proves itself to the token endpoint; two ways while its secret rotates. */
export const clientAuthsOf = async (auth: ClientAuth): Promise<readonly Authenticate[]> => {
  switch (auth.method) {
    case 'client_secret_basic':
      return secretsOf(auth).map((secret) => client.ClientSecretBasic(secret))
    case 'client_secret_post':
      return secretsOf(auth).map((secret) => client.ClientSecretPost(secret))
    case 'private_key_jwt':
      return [await privateKeyJwt(auth.keys.reveal()[0])]
    case 'none':
      return [client.None()]
  }
}

type SecretAuth = Extract<ClientAuth, { readonly secret: unknown }>

const secretsOf = ({ secret, nextSecret }: SecretAuth): readonly string[] =>
  [secret, nextSecret].flatMap((each) => (each === undefined ? [] : [each.reveal()]))

type Jwk = Readonly<Record<string, unknown>>

/** Assertions under the newest key; its `aud` is the issuer, its `jti` random, its life 60 seconds. OpenID Connect Core 1.0 section 9. */
const privateKeyJwt = async (jwk: Jwk | undefined): Promise<Authenticate> => {
  if (jwk === undefined) throw new RangeError('private_key_jwt needs a key')
  return client.PrivateKeyJwt(await imported(jwk), {
    [client.modifyAssertion]: (header) => {
      // draft-ietf-oauth-rfc7523bis: the type keeps an assertion from passing as another JWT.
      header['typ'] = 'client-authentication+jwt'
      // The library writes Ed25519, the newer name, which a provider that says EdDSA need not know.
      if (jwk['alg'] === 'EdDSA') header['alg'] = 'EdDSA'
    },
  })
}

const imported = async (jwk: Jwk): Promise<PrivateKey> => {
  const key = await importJWK({ ...jwk }, algorithmOf(jwk))
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
const algorithmOf = ({ alg, crv }: Jwk): string => {
  if (typeof alg === 'string') return alg
  return byCurve[String(crv)] ?? 'RS256'
}
