import type { ClientAuth, Configuration, ServerMetadata } from 'openid-client'
import * as client from 'openid-client'
import type { JWTPayload } from 'jose'
import type { Tenant } from '../config/config.ts'
import type { Issuer } from '../core/ids.ts'
import { asIssuer } from '../core/ids.ts'
import { sharedSegment } from '../core/profiles.ts'
import { BrokerError } from '../core/errors.ts'
import { tenantPlaceholder } from './key-set.ts'

/** The issuer that the metadata has to name: of one tenant as set, of many a template with a place for the tenant. */
export const metadataIssuer = ({ profile, issuer }: Tenant): string => {
  const shared = sharedSegment(profile, issuer)
  return shared === undefined ? issuer : issuer.replace(`/${shared}`, `/${tenantPlaceholder}`)
}

/**
 * openid-client's view of an authorization server whose metadata is at hand.
 *
 * It puts a token's `tid` into a template only where it has discovered the metadata at Entra's own address itself, so it is
 * made to discover there what we hold; nothing is sent. Whether that tenant may log in is `whyNotAllowed`'s to say.
 */
export const configurationFor = async (
  metadata: Readonly<ServerMetadata>,
  clientId: string,
  settings: Readonly<Record<string, string>>,
  auth: ClientAuth,
): Promise<Configuration> =>
  metadata.issuer.includes(tenantPlaceholder)
    ? await client.discovery(new URL(templateHome), clientId, settings, auth, {
        [client.customFetch]: () => Promise.resolve(Response.json(metadata)),
      })
    : new client.Configuration(metadata, clientId, settings, auth)

const templateHome = 'https://login.microsoftonline.com/common/v2.0'

const guid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/**
 * The issuer that a signed ID token has to name: the one that is set, or at an issuer that many tenants share that of its own
 * tenant; throws `login_failed` where that is no tenant's.
 *
 * Anybody can own a tenant: `tid` counts only as part of `iss`, which the signing service vouches for; which tenants may log
 * in is for `whyNotAllowed` to say (learn.microsoft.com/entra/identity-platform/access-tokens, "Validate the issuer").
 */
export const issuerOf = ({ tid }: JWTPayload, tenant: Tenant): string => {
  const template = metadataIssuer(tenant)
  if (template === tenant.issuer) return template
  if (typeof tid !== 'string' || !guid.test(tid)) throw refused('tid is no GUID')
  return template.replace(tenantPlaceholder, tid)
}

const refused = (reason: string) =>
  new BrokerError('login_failed', { cause: new Error(`ID token: ${reason}`) })

/** Every issuer whose tokens a tenant of ours takes: a logout that names none may mean a session of any of them. */
export const issuersOf = (tenant: Tenant): readonly Issuer[] => {
  const template = metadataIssuer(tenant)
  if (template === tenant.issuer) return [tenant.issuer]
  return (tenant.allowedTids ?? []).map((tid) => asIssuer(template.replace(tenantPlaceholder, tid)))
}

/** Whether a session of this issuer is one of the tenant's, as its settings are now. */
export const isIssuerOf = (issuer: Issuer, tenant: Tenant): boolean => {
  const template = metadataIssuer(tenant)
  if (template === tenant.issuer) return issuer === template
  const [before = '', after = ''] = template.split(tenantPlaceholder)
  const tid = issuer.slice(before.length, issuer.length - after.length)
  return issuer === `${before}${tid}${after}` && guid.test(tid)
}
