/**
 * What an issuer may sign with: asymmetric alone. `none` is no signature, and HS256 under a public key can be made by
 * anybody (RFC 8725 sections 2.1 and 3.1).
 */
export const asymmetricAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const

export type Algorithm = (typeof asymmetricAlgorithms)[number]

/** The algorithms of a setting; throws for one that is none of these. */
export const pinned = (algorithms: readonly Algorithm[] = asymmetricAlgorithms): Algorithm[] => {
  const known = new Set<string>(asymmetricAlgorithms)
  const unknown = algorithms.filter((algorithm) => !known.has(algorithm))
  if (algorithms.length === 0 || unknown.length > 0)
    throw new RangeError(`algorithms takes some of ${asymmetricAlgorithms.join(', ')}`)
  return [...algorithms]
}
