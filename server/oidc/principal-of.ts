import type { IDToken } from 'openid-client'
import { asSid, asSub } from '../core/ids.ts'
import type { Principal } from '../core/principal.ts'
import type { Tenant } from '../config/config.ts'

const longestClaimBytes = 4_096
const alwaysShown = ['name', 'email']

/**
 * Who the ID token speaks of; keeps only the claims that `/session` may show and those that headers for upstreams are
 * made of, each of bounded size.
 */
export const principalOf = (
  claims: IDToken,
  tenant: Tenant,
  shownClaims: readonly string[],
  headerClaims: readonly string[] = [],
): Principal => ({
  issuer: tenant.issuer,
  tenant: tenant.id,
  sub: asSub(claims.sub),
  sid: typeof claims['sid'] === 'string' ? asSid(claims['sid']) : undefined,
  roles: rolesOf(claims, tenant.rolesClaim),
  claims: pick(claims, [...alwaysShown, ...shownClaims]),
  ...(headerClaims.length > 0 && { headerClaims: pick(claims, headerClaims) }),
  acr: typeof claims['acr'] === 'string' ? claims['acr'] : undefined,
  authTimeSeconds: typeof claims.auth_time === 'number' ? claims.auth_time : undefined,
})

const pick = (claims: IDToken, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(
    names.flatMap((name) => {
      const value = Object.hasOwn(claims, name) ? claims[name] : undefined
      const tooLong = Buffer.byteLength(JSON.stringify(value ?? null)) > longestClaimBytes
      return value === undefined || tooLong ? [] : [[name, value] as const]
    }),
  )

/** The claim of that whole name (it may be a URL), or else at the end of a path by dots. */
export const claimAt = (claims: Readonly<Record<string, unknown>>, path: string): unknown =>
  ownValue(claims, path) ?? path.split('.').reduce<unknown>(ownValue, claims)

/** Roles as a list of texts. */
export const rolesOf = (claims: Readonly<Record<string, unknown>>, path: string): string[] => {
  const found = claimAt(claims, path)
  const list = typeof found === 'string' ? [found] : found
  return Array.isArray(list) ? list.filter((role) => typeof role === 'string') : []
}

const ownValue = (holder: unknown, name: string): unknown =>
  typeof holder === 'object' && holder !== null && Object.hasOwn(holder, name)
    ? (holder as Readonly<Record<string, unknown>>)[name]
    : undefined
