import type { IDToken } from 'openid-client'
import { asIssuer, asSid, asSub } from '../core/ids.ts'
import type { Principal } from '../core/principal.ts'
import type { Tenant } from '../config/config.ts'

const longestClaimBytes = 4_096
const alwaysShown = ['name', 'email']

/**
 * Who the ID token speaks of; keeps only the claims that `/session` may show and those that headers for upstreams are
 * made of, each of bounded size.
 */
export const principalOf = (
  token: IDToken,
  tenant: Tenant,
  shownClaims: readonly string[],
  headerClaims: readonly string[] = [],
): Principal => {
  const { iss, sub, aud, iat, exp } = token
  const claims: IDToken = { ...withoutClaimsElsewhere(token), iss, sub, aud, iat, exp }
  const paths = rolePathsOf(tenant)
  return {
    // The token's own: at an issuer that many tenants share, a `sub` counts within its tenant.
    issuer: asIssuer(iss),
    tenant: tenant.id,
    sub: asSub(sub),
    sid: typeof claims['sid'] === 'string' ? asSid(claims['sid']) : undefined,
    roles: [...new Set(paths.flatMap((path) => rolesOf(claims, path)))],
    claims: pick(claims, [...alwaysShown, ...shownClaims]),
    ...(headerClaims.length > 0 && { headerClaims: pick(claims, headerClaims) }),
    acr: typeof claims['acr'] === 'string' ? claims['acr'] : undefined,
    authTimeSeconds: typeof claims.auth_time === 'number' ? claims.auth_time : undefined,
  }
}

/**
 * The claims that an ID token only tells where to fetch (OpenID Connect Core 1.0 section 5.6.2), such as Entra's groups when
 * there are more than 200: they are left out, and nothing is fetched.
 */
export const claimsElsewhere = (claims: Readonly<Record<string, unknown>>): readonly string[] => {
  const names = claims['_claim_names']
  return typeof names === 'object' && names !== null ? Object.keys(names) : []
}

/** The claims less those: Entra puts the name of the source in a claim's place, which would read as a group of that name. */
export const withoutClaimsElsewhere = (
  claims: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> => {
  const elsewhere = new Set(claimsElsewhere(claims))
  return Object.fromEntries(Object.entries(claims).filter(([name]) => !elsewhere.has(name)))
}

const pick = (claims: IDToken, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(
    names.flatMap((name) => {
      const value = Object.hasOwn(claims, name) ? claims[name] : undefined
      const tooLong = Buffer.byteLength(JSON.stringify(value ?? null)) > longestClaimBytes
      return value === undefined || tooLong ? [] : [[name, value] as const]
    }),
  )

/** Every place that roles are read from. */
export const rolePathsOf = ({
  rolesClaim,
  furtherRoles = [],
}: Pick<Tenant, 'rolesClaim' | 'furtherRoles'>): readonly ClaimPath[] => [
  rolesClaim,
  ...furtherRoles,
]

/** By dots, or by its parts. */
export type ClaimPath = string | readonly string[]

/** The claim of that whole name (it may be a URL), or else at the end of a path. */
export const claimAt = (claims: Readonly<Record<string, unknown>>, path: ClaimPath): unknown =>
  typeof path === 'string'
    ? (ownValue(claims, path) ?? path.split('.').reduce<unknown>(ownValue, claims))
    : path.reduce<unknown>(ownValue, claims)

/** Roles as a list of texts. */
export const rolesOf = (claims: Readonly<Record<string, unknown>>, path: ClaimPath): string[] => {
  const found = claimAt(claims, path)
  const list = typeof found === 'string' ? [found] : found
  return Array.isArray(list) ? list.filter((role) => typeof role === 'string') : []
}

const ownValue = (holder: unknown, name: string): unknown =>
  typeof holder === 'object' && holder !== null && Object.hasOwn(holder, name)
    ? (holder as Readonly<Record<string, unknown>>)[name]
    : undefined
