import type { CryptoKey, JWK } from 'jose'
import { createLocalJWKSet } from 'jose'
import { isJsonObject } from '../core/json-object.ts'

/** A published key, and whose it says it is: Entra's name their issuer. */
export type FoundKey = { readonly key: CryptoKey; readonly owners: readonly string[] }

export type KeySet = {
  /** The one key for this header; undefined where there is none, or more than one. */
  readonly find: (header: KeyWish) => Promise<FoundKey | undefined>
}

export type KeyWish = { readonly alg: string; readonly kid?: string | undefined }

/** Stands in Entra's metadata and keys for the tenant, whose name is the claim `tid`. */
export const tenantPlaceholder = '{tenantid}'

/** Issuers publish a handful; what has more is a mistake or an attack on whoever looks through them. */
const mostKeys = 2_500

/** A JWK Set that is asked by `kid`, however many keys it has (RFC 7517 section 5); undefined where it is none. */
export const keySet = (document: unknown): KeySet | undefined => {
  const listed = isJsonObject(document) ? document['keys'] : undefined
  if (!Array.isArray(listed) || listed.length > mostKeys) return undefined
  const keys = listed.filter(isPublicKey)
  const byKid = grouped(keys)
  const resolvers = new Map<string | undefined, Resolver>()
  return {
    find: async ({ alg, kid }) => {
      const group = kid === undefined ? keys : byKid.get(kid)
      if (group === undefined) return undefined
      const resolve = resolvers.get(kid) ?? createLocalJWKSet({ keys: group })
      resolvers.set(kid, resolve)
      const key = await resolved(resolve, { alg, kid })
      return key && { key, owners: group.flatMap(ownerOf) }
    },
  }
}

const grouped = (keys: readonly JWK[]): ReadonlyMap<string | undefined, JWK[]> => {
  const groups = new Map<string | undefined, JWK[]>()
  for (const key of keys) {
    const group = groups.get(key.kid) ?? []
    group.push(key)
    groups.set(key.kid, group)
  }
  return groups
}

type Resolver = ReturnType<typeof createLocalJWKSet>

/** A key that does not fit, and one that cannot be imported, are no key. */
const resolved = async (
  resolve: Resolver,
  { alg, kid }: KeyWish,
): Promise<CryptoKey | undefined> => {
  try {
    return await resolve({ alg, ...(kid !== undefined && { kid }) })
  } catch {
    return undefined
  }
}

const ownerOf = (key: JWK): string[] => {
  const owner: unknown = Reflect.get(key, 'issuer')
  return typeof owner === 'string' ? [owner] : []
}

/**
 * Whether a key may sign for the issuer of these claims: Entra's say in `issuer` whose they are, and the one for personal accounts
 * must not speak for a company's tenant. A key that says nothing is the issuer's whose metadata names it.
 */
export const mayKeySign = (
  { owners }: FoundKey,
  { iss, tid }: Readonly<Record<string, unknown>>,
): boolean => owners.every((owner) => owner.replace(tenantPlaceholder, String(tid)) === iss)

const publicKinds = ['RSA', 'EC', 'OKP']

const isPublicKey = (key: unknown): key is JWK =>
  isJsonObject(key) && publicKinds.includes(String(key['kty'])) && !('d' in key)
