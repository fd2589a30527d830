import type { Tenant } from '../config/config.ts'
import { claimAt, withoutClaimsElsewhere } from './principal-of.ts'
import { readJwt } from './strict-jwt.ts'

type Claims = Readonly<Record<string, unknown>>
type Claimed = Pick<Tenant, 'tenantClaim'>

/**
 * Whether the claim that tells tenants of one issuer apart holds this one's name: as a text, in a list, or as the key of an object,
 * which is how Keycloak has its organisations. One that is not there is a no.
 */
const isOfTenant = (claims: Claims, { tenantClaim }: Claimed): boolean =>
  tenantClaim === undefined ||
  tenantClaim.values.some((value) => namesIn(claims, tenantClaim.path)?.includes(value))

/** Why an ID token is not of this tenant, for the log: which claim would tell, and whether it is missing or names others. */
export const whyNotOfTenant = (
  claims: Claims,
  { tenantClaim }: Claimed,
): Readonly<Record<string, string>> | undefined => {
  if (tenantClaim === undefined || isOfTenant(claims, { tenantClaim })) return undefined
  const { path } = tenantClaim
  return { [path]: namesIn(claims, path) === undefined ? 'no_claim' : 'unmet' }
}

/**
 * Whether a later ID token says of its person that they left the tenant: by another value, or by leaving out what the one before it
 * had. A claim that no ID token ever carried, since the UserInfo endpoint gave it, says nothing by not being there.
 */
export const hasLeftTenant = (claims: Claims, before: string, tenant: Claimed): boolean => {
  const { tenantClaim } = tenant
  if (tenantClaim === undefined || isOfTenant(claims, tenant)) return false
  const earlier = readJwt(before)?.claims ?? {}
  return [claims, earlier].some((each) => namesIn(each, tenantClaim.path) !== undefined)
}

const namesIn = (claims: Claims, path: string): readonly unknown[] | undefined => {
  const found = claimAt(withoutClaimsElsewhere(claims), path)
  if (found === undefined || found === null) return undefined
  if (Array.isArray(found)) return found as readonly unknown[]
  return typeof found === 'object' ? Object.keys(found) : [found]
}
