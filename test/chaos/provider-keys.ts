import type { JWK } from 'jose'
import { SignJWT, exportJWK, generateKeyPair } from 'jose'

/** Signing keys as providers have them: the next one is published before it signs. */
export const signingKeys = async () => {
  let count = 0
  const make = async () => {
    count += 1
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const jwk: JWK = { ...(await exportJWK(publicKey)), kid: `k${count}`, alg: 'ES256', use: 'sig' }
    return { privateKey, jwk }
  }
  let [current, next] = [await make(), await make()]
  return {
    jwks: () => ({ keys: [current.jwk, next.jwk] }),
    rotate: async () => {
      current = next
      next = await make()
    },
    /** Both at once are others, which nobody has heard of. */
    replace: async () => {
      current = await make()
      next = await make()
    },
    sign: (claims: Record<string, unknown>) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', kid: current.jwk.kid ?? '' })
        .sign(current.privateKey),
  }
}
