import type { CustomFetch } from 'openid-client'
import { isJsonObject } from '../core/json-object.ts'
import type { Tenant } from '../config/config.ts'
import { claimsOfRules } from './may-log-in.ts'
import { claimAt } from './principal-of.ts'
import type { VerifySignature } from './signature-check.ts'
import { readJwt } from './strict-jwt.ts'

type Claims = Readonly<Record<string, unknown>>

/** `nothing`: no answer that can be believed, which is no reason to refuse a login. */
export type UserInfo =
  | { readonly kind: 'claims'; readonly claims: Claims }
  | { readonly kind: 'other_subject' }
  | { readonly kind: 'nothing'; readonly cause: unknown }

export type UserInfoSource = {
  readonly endpoint: string
  readonly issuer: string
  readonly clientId: string
  readonly fetch: CustomFetch
  readonly verifySignature: VerifySignature
  readonly timeoutMs: number
}

/**
 * What the UserInfo endpoint says of the person whom the ID token named; never throws.
 * Claims of another `sub` would put somebody else's name on this session (token substitution). OpenID Connect Core 1.0 section 5.3.
 */
export const userInfo = async (
  source: UserInfoSource,
  accessToken: string,
  sub: string,
): Promise<UserInfo> => {
  try {
    const claims = await ask(source, accessToken)
    return claims['sub'] === sub
      ? { kind: 'claims', claims: withoutProtocol(claims) }
      : { kind: 'other_subject' }
  } catch (cause) {
    return { kind: 'nothing', cause }
  }
}

const ask = async (source: UserInfoSource, accessToken: string): Promise<Claims> => {
  const response = await source.fetch(source.endpoint, {
    method: 'GET',
    headers: {
      authorization: `Bearer ${accessToken}`,
      accept: 'application/json, application/jwt',
    },
    body: undefined,
    redirect: 'manual',
    signal: AbortSignal.timeout(source.timeoutMs),
  })
  if (response.status !== 200) throw new Error(`userinfo: status ${response.status}`)
  const type = (response.headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase()
  const text = await response.text()
  if (type === 'application/jwt') return await signedClaims(source, text)
  const claims: unknown = type === 'application/json' ? JSON.parse(text) : undefined
  if (!isJsonObject(claims)) throw new Error('userinfo: not a JSON object')
  return claims
}

/** Only what the issuer itself signed, for us. OpenID Connect Core 1.0 sections 5.3.2 and 5.3.4. */
const signedClaims = async (source: UserInfoSource, token: string): Promise<Claims> => {
  const claims = readJwt(token)?.claims
  if (claims === undefined) throw new Error('userinfo: not a signed JWT')
  const verdict = await source.verifySignature(token)
  if (verdict !== 'verified') throw new Error(`userinfo: signature ${verdict}`)
  if (claims.iss !== source.issuer) throw new Error('userinfo: of another issuer')
  if (![claims.aud].flat().includes(source.clientId)) throw new Error('userinfo: for another')
  return claims
}

/** What a login stands on; only the ID token may say it. */
const protocolClaims = new Set(
  'iss sub aud exp nbf iat jti nonce azp sid acr amr auth_time at_hash c_hash events'.split(' '),
)

const withoutProtocol = (claims: Claims): Claims =>
  Object.fromEntries(Object.entries(claims).filter(([name]) => !protocolClaims.has(name)))

/**
 * What may be added to the ID token's claims: all that it leaves out, but nobody's word for an address that is not the one in it.
 */
export const addedClaims = (info: Claims, idToken: Claims): Claims =>
  idToken['email'] === undefined || idToken['email'] === info['email']
    ? info
    : { ...info, email_verified: undefined }

/** The claims that a session shows or passes on, as far as the scopes asked for may bring them, and those that say who may log in. */
export const wantedClaims = (
  tenant: Tenant,
  shown: readonly string[],
  inHeaders: readonly string[],
): readonly string[] => {
  const scopes = tenant.scope.split(' ')
  const byScope = [
    ...(scopes.includes('profile') ? ['name'] : []),
    ...(scopes.includes('email') ? ['email'] : []),
  ]
  const byTenant = tenant.tenantClaim === undefined ? [] : [tenant.tenantClaim.path]
  const byRules = claimsOfRules(tenant)
  return [...byScope, ...byTenant, tenant.rolesClaim, ...byRules, ...shown, ...inHeaders]
}

/** Whether the ID token leaves out what is wanted: many providers give name and email at the UserInfo endpoint alone. */
export const lacksClaims = (claims: Claims, wanted: readonly string[]): boolean =>
  wanted.some((path) => claimAt(claims, path) === undefined)
