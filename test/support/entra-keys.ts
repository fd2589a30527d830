import type { KeyObject } from 'node:crypto'
import { exportJWK, generateKeyPair, jwtVerify } from 'jose'
import { entraClient, isOurClient } from './entra-facts.ts'

/** A certificate that the app registration has, by its SHA-256 thumbprint. */
export type EntraCertificate = { readonly thumbprint: string; readonly publicKey: KeyObject }

/** certificate-credentials, "Assertion format": PS256, `typ` JWT, `x5t#S256`, `aud` the token endpoint, `iss` and `sub` the client. */
const provesByCertificate = async (
  parameters: URLSearchParams,
  tokenEndpoint: string,
  certificates: readonly EntraCertificate[],
): Promise<boolean> => {
  const assertion = parameters.get('client_assertion') ?? ''
  try {
    await jwtVerify(
      assertion,
      ({ 'x5t#S256': thumbprint }) => {
        const found = certificates.find((one) => one.thumbprint === thumbprint)
        if (found === undefined) throw new Error('AADSTS700027: the key was not found')
        return found.publicKey
      },
      {
        algorithms: ['PS256'],
        typ: 'JWT',
        audience: tokenEndpoint,
        issuer: entraClient.id,
        subject: entraClient.id,
        requiredClaims: ['exp', 'nbf', 'jti'],
      },
    )
    return true
  } catch {
    return false
  }
}

/** By its secret or by a certificate. */
export const isClient = async (
  authorization: string | undefined,
  parameters: URLSearchParams,
  { endpoint, certificates }: { readonly endpoint: string; readonly certificates: readonly EntraCertificate[] }, // prettier-ignore
): Promise<boolean> =>
  isOurClient(authorization, parameters) ||
  (await provesByCertificate(parameters, endpoint, certificates))

/** A key that the provider signs with. */
export const keyNamed = async (kid: string, issuer: string) => {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
  // Entra's keys say whose they are: learn.microsoft.com/entra/identity-platform/access-tokens, "Validate the issuer".
  const jwk = { ...(await exportJWK(publicKey)), use: 'sig', kid, x5t: kid, issuer }
  return { kid, privateKey, jwk }
}
