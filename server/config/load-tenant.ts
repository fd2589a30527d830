import { allowRules } from './allow-rules.ts'
import type { TenantId } from '../core/ids.ts'
import { asIssuer, asTenantId } from '../core/ids.ts'
import { secret } from '../core/secret.ts'
import type { ClientAuth, Tenant } from './config.ts'
import * as parse from './parsers.ts'
import type { Reader } from './reader.ts'
import { privateKeys } from './client-keys.ts'
import type { ProfileName } from '../core/profiles.ts'
import { profiles } from '../core/profiles.ts'
import { allowedTids, refuseOtherResources } from './tenant-rules.ts'

const profileNames = ['generic', 'keycloak', 'entra', 'auth0', 'okta', 'cognito', 'google'] as const
const authMethods = [
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
  'none',
] as const

export const defaultTenantId = asTenantId('default')

/** A tenant's provider by `OIDC_*`; undefined where no issuer is set. Every setting is read, so that all problems show. */
export const loadTenant = (
  read: Reader,
  production: boolean,
  id = defaultTenantId,
): Tenant | undefined => {
  const tenant = readTenant(read, id)
  refuseUnbuilt(read)
  if (read.text('OIDC_ISSUER') === undefined) {
    requireNoOrphans(read)
    return undefined
  }
  if (production && tenant.issuer.startsWith('http:'))
    read.problem('OIDC_ISSUER', 'is plain http, which production refuses')
  for (const name of ['OIDC_CLIENT_ID', ...proofOf(tenant.clientAuth)] as const)
    read.require(name, 'is not set, and OIDC_ISSUER is')
  return tenant
}

const readTenant = (read: Reader, id: TenantId): Tenant => {
  const profile = read.value('OIDC_PROFILE', parse.oneOf(profileNames), 'generic')
  const issuer = read.value('OIDC_ISSUER', parse.issuer, '')
  const scope = read.value('OIDC_SCOPE', parse.scope, 'openid profile email')
  refuseOtherResources(read, profile, scope)
  const allow = read.value('OIDC_ALLOW', allowRules, undefined)
  const discovery = read.value('OIDC_DISCOVERY_URL', parse.httpUrl, undefined)
  return {
    id,
    issuer: asIssuer(issuer),
    discoveryUrl: discovery?.href,
    profile,
    clientId: read.text('OIDC_CLIENT_ID') ?? '',
    clientAuth: clientAuth(read),
    scope,
    resource: read.value('OIDC_RESOURCE', parse.resource, undefined),
    audience: read.text('OIDC_AUDIENCE'),
    authParams: readAuthParams(read, profile),
    ...readRolesClaims(read, profile),
    allow,
    allowedTids: allowedTids(read, { profile, issuer, allow }),
    frontchannel:
      read.value('OIDC_FRONTCHANNEL', parse.oneOf(['off', 'on']), 'off') === 'on'
        ? profiles[profile].frontchannel
        : undefined,
    responseMode: read.value('OIDC_RESPONSE_MODE', parse.oneOf(['query', 'form_post']), 'query'),
    logoutTyp: read.value('OIDC_LOGOUT_TYP', parse.oneOf(['compat', 'strict']), 'compat'),
    logoutHint: read.value('OIDC_LOGOUT_HINT', parse.oneOf(['id_token', 'off']), 'id_token'),
    timeoutMs: read.value('OIDC_TIMEOUT_MS', parse.integer(100, 60_000), 8_000),
    refreshLeewaySeconds: read.value(
      'OIDC_REFRESH_LEEWAY_SECONDS',
      parse.integer(0, 86_400),
      profiles[profile].refreshLeewaySeconds,
    ),
  }
}

const readAuthParams = (read: Reader, profile: ProfileName): Tenant['authParams'] => {
  const all = { ...profiles[profile].authParams, ...read.value('OIDC_AUTH_PARAMS', parse.authParams, {}) } // prettier-ignore
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''))
}

/** A deployer who says where the roles are means that place alone. */
const readRolesClaims = (
  read: Reader,
  name: ProfileName,
): Pick<Tenant, 'rolesClaim' | 'furtherRoles'> => {
  const rolesClaim = read.text('OIDC_ROLES_CLAIM')
  if (rolesClaim !== undefined) return { rolesClaim }
  const profile = profiles[name]
  const clientId = read.text('OIDC_CLIENT_ID') ?? ''
  const own = (part: string) => (part === '{client_id}' ? clientId : part)
  return {
    rolesClaim: profile.rolesClaim,
    furtherRoles: profile.furtherRoles.map((path) => path.map(own)),
  }
}

const clientAuth = (read: Reader): ClientAuth => {
  const method = read.value('OIDC_CLIENT_AUTH', parse.oneOf(authMethods), 'client_secret_basic')
  if (method === 'none') return publicClient(read)
  if (method === 'private_key_jwt')
    return { method, keys: read.value('OIDC_CLIENT_KEYS', privateKeys, undefined) ?? secret([]) }
  const next = read.text('OIDC_CLIENT_SECRET_NEXT')
  return {
    method,
    secret: secret(read.text('OIDC_CLIENT_SECRET') ?? ''),
    ...(next !== undefined && { nextSecret: secret(next) }),
  }
}

/** What the client proves itself with. */
const proofOf = ({
  method,
}: ClientAuth): readonly ('OIDC_CLIENT_KEYS' | 'OIDC_CLIENT_SECRET')[] => {
  if (method === 'none') return []
  return method === 'private_key_jwt' ? ['OIDC_CLIENT_KEYS'] : ['OIDC_CLIENT_SECRET']
}

/** A broker is a confidential client (RFC 10017 section 6.1.3.1); whoever wants less has to say so. */
const publicClient = (read: Reader): ClientAuth => {
  if (read.value('OIDC_ALLOW_PUBLIC_CLIENT', parse.oneOf(['true', 'false']), 'false') !== 'true')
    read.problem('OIDC_CLIENT_AUTH', 'is none, which needs OIDC_ALLOW_PUBLIC_CLIENT=true')
  return { method: 'none' }
}

const requireNoOrphans = (read: Reader): void => {
  for (const name of ['OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET'] as const)
    if (read.text(name) !== undefined) read.problem('OIDC_ISSUER', `is not set, and ${name} is`)
}

/** What would weaken the login, or not happen, if it were quietly passed over. */
const refuseUnbuilt = (read: Reader): void => {
  const unbuilt = 'is not available in this version'
  if (read.value('OIDC_PAR', parse.oneOf(['auto', 'on', 'off']), 'auto') === 'on')
    read.problem('OIDC_PAR', `on ${unbuilt}`)
  if (read.value('OIDC_DPOP', parse.oneOf(['off', 'on']), 'off') === 'on')
    read.problem('OIDC_DPOP', `on ${unbuilt}`)
}
