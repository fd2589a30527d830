import type { ClientAuth, Configuration, IDToken, ServerMetadata } from 'openid-client'
import * as client from 'openid-client'
import type { JWK } from 'jose'
import type { Tenant } from '../config/config.ts'
import { sharedSegment } from '../core/profiles.ts'
import type { Result } from '../core/result.ts'
import { err, ok } from '../core/result.ts'

/** Stands in Entra's metadata and keys for the tenant, whose name is the claim `tid`. */
const placeholder = '{tenantid}'

/** The issuer that the metadata has to name: of one tenant as set, of many a template with a place for the tenant. */
export const metadataIssuer = ({ profile, issuer }: Tenant): string => {
  const shared = sharedSegment(profile, issuer)
  return shared === undefined ? issuer : issuer.replace(`/${shared}`, `/${placeholder}`)
}

/**
 * openid-client's view of an authorization server whose metadata is at hand.
 *
 * It puts a token's `tid` into a template only where it has discovered the metadata at Entra's own address itself, so it is
 * made to discover there what we hold; nothing is sent. Whether that tenant may log in is `checkIssuer`'s to say.
 */
export const configurationFor = async (
  metadata: Readonly<ServerMetadata>,
  clientId: string,
  settings: Readonly<Record<string, string>>,
  auth: ClientAuth,
): Promise<Configuration> =>
  metadata.issuer.includes(placeholder)
    ? await client.discovery(new URL(templateHome), clientId, settings, auth, {
        [client.customFetch]: () => Promise.resolve(Response.json(metadata)),
      })
    : new client.Configuration(metadata, clientId, settings, auth)

const templateHome = 'https://login.microsoftonline.com/common/v2.0'

export type IssuerRefusal = 'tid_is_no_guid' | 'tid_is_not_of_iss' | 'tid_is_not_allowed'

const guid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * Whether an ID token's tenant may log in, at an issuer that many tenants share.
 *
 * Anybody can own a tenant: `tid` counts only as part of `iss`, which the signing service vouches for, and only when it is
 * one of those allowed (learn.microsoft.com/entra/identity-platform/access-tokens, "Validate the issuer").
 */
export const checkIssuer = (claims: IDToken, tenant: Tenant): Result<IDToken, IssuerRefusal> => {
  const template = metadataIssuer(tenant)
  if (template === tenant.issuer) return ok(claims)
  const { tid } = claims
  if (typeof tid !== 'string' || !guid.test(tid)) return err('tid_is_no_guid')
  if (claims.iss !== template.replace(placeholder, tid)) return err('tid_is_not_of_iss')
  const isAllowed = tenant.allowedTids?.includes(tid.toLowerCase()) === true
  return isAllowed ? ok(claims) : err('tid_is_not_allowed')
}

/** Every issuer whose tokens a tenant of ours takes: a logout that names none may mean a session of any of them. */
export const issuersOf = (tenant: Tenant): readonly string[] => {
  const template = metadataIssuer(tenant)
  if (template === tenant.issuer) return [tenant.issuer]
  return (tenant.allowedTids ?? []).map((tid) => template.replace(placeholder, tid))
}

/**
 * Whether a published key may sign for an issuer: Entra's say in `issuer` whose they are, and the one for personal accounts
 * must not speak for a company's tenant. A key that says nothing is the issuer's whose metadata names it.
 */
export const mayKeySign = (
  key: JWK | undefined,
  { iss, tid }: Readonly<Record<string, unknown>>,
): boolean => {
  const owner: unknown = key && Reflect.get(key, 'issuer')
  if (typeof owner !== 'string') return true
  return owner.replace(placeholder, String(tid)) === iss
}
