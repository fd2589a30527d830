import type { AccessTokenDialect } from '../core/dialects.ts'
import { isJsonObject } from '../core/json-object.ts'
import { claimAt, rolesOf } from '../oidc/principal-of.ts'
import type { Claims } from './compact-token.ts'
import { audiencesOf, textsOf } from './judge-claims.ts'

/** What a checked access token says. */
export type AccessToken = {
  readonly issuer: string
  /** Whom it speaks for: a user, or a client that acts for itself. */
  readonly sub: string | undefined
  readonly clientId: string | undefined
  readonly audience: readonly string[]
  readonly scopes: readonly string[]
  readonly roles: readonly string[]
  /** The tenants that the tenant claim names. */
  readonly tenants: readonly string[]
  readonly expiresAtMs: number
  /** `DPoP`: the caller has proved that it holds the token's key. */
  readonly scheme: 'Bearer' | 'DPoP'
  readonly claims: Readonly<Record<string, unknown>>
}

/** By dots, or by its parts. */
type ClaimPath = string | readonly string[]

export type Places = {
  readonly roles: readonly ClaimPath[]
  readonly tenant: ClaimPath
  readonly dialect: AccessTokenDialect
}

/** The claims of a checked token, by what services ask for. */
export const accessTokenFrom = (
  claims: Claims,
  places: Places,
  scheme: AccessToken['scheme'],
): AccessToken => ({
  issuer: String(claims['iss']),
  sub: textAt(claims, ['sub']),
  clientId: textAt(claims, ['client_id', 'azp', 'cid', 'appid']),
  audience: audiencesOf(claims, places.dialect),
  scopes: scopesOf(claims),
  roles: [...new Set(places.roles.flatMap((path) => rolesOf(claims, path)))],
  tenants: tenantsOf(claimAt(claims, places.tenant)),
  expiresAtMs: Number(claims['exp']) * 1_000,
  scheme,
  claims,
})

const textAt = (claims: Claims, names: readonly string[]): string | undefined =>
  names.map((name) => claims[name]).find((value) => typeof value === 'string')

/** RFC 9068 section 2.2.3 has one text in `scope`; Entra and Okta have `scp`, Okta as a list. */
const scopesOf = ({ scope, scp }: Claims): readonly string[] =>
  textsOf(scope ?? scp).flatMap((text) => text.split(' ').filter((one) => one !== ''))

/** A text, a list, or an object by name, as Keycloak's organizations are. */
const tenantsOf = (value: unknown): readonly string[] =>
  isJsonObject(value) ? Object.keys(value) : textsOf(value)
