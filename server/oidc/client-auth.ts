import { importJWK } from 'jose'
import type { ClientAuth as Authenticate, PrivateKey } from 'openid-client'
import * as client from 'openid-client'
import type { ClientAuth } from '../config/config.ts'

/** How this client proves itself to the token endpoint. */
export const clientAuthOf = async (auth: ClientAuth): Promise<Authenticate> => {
  switch (auth.method) {
    case 'client_secret_basic':
      return client.ClientSecretBasic(auth.secret.reveal())
    case 'client_secret_post':
      return client.ClientSecretPost(auth.secret.reveal())
    case 'private_key_jwt':
      return client.PrivateKeyJwt(await newestKey(auth.keys.reveal()), {
        // draft-ietf-oauth-rfc7523bis: the type keeps an assertion from passing as another JWT.
        [client.modifyAssertion]: (header) => {
          header['typ'] = 'client-authentication+jwt'
        },
      })
    case 'none':
      return client.None()
  }
}

const newestKey = async (
  keys: readonly Readonly<Record<string, unknown>>[],
): Promise<PrivateKey> => {
  const jwk = keys[0]
  if (jwk === undefined) throw new RangeError('private_key_jwt needs a key')
  const key = await importJWK({ ...jwk }, typeof jwk['alg'] === 'string' ? jwk['alg'] : 'RS256')
  if (!(key instanceof CryptoKey)) throw new TypeError('OIDC_CLIENT_KEYS holds a symmetric key')
  return typeof jwk['kid'] === 'string' ? { key, kid: jwk['kid'] } : { key }
}
