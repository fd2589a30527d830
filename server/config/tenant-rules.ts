import type { ProfileName } from '../core/profiles.ts'
import { profiles, resourcesOf, sharedSegment } from '../core/profiles.ts'
import type { Tenant } from './config.ts'
import type { Reader } from './reader.ts'

const example = 'tid:8eaef023-2b34-4da1-9baa-8bc8c9d6a490'

/**
 * The tenants that may log in at an issuer which many share, by the `tid:` rules of OIDC_ALLOW; undefined at an issuer of one
 * tenant. Without such a rule anybody with an account in any organisation would be let in.
 */
export const allowedTids = (
  read: Reader,
  { profile, issuer, allow = [] }: Pick<Tenant, 'profile' | 'allow'> & { readonly issuer: string },
): readonly string[] | undefined => {
  if (sharedSegment(profile, issuer) === undefined) return undefined
  const tids = allow.flatMap(({ kind, value }) => (kind === 'tid' ? [value] : []))
  const isMalformed = read.problems.some(({ name }) => name === 'OIDC_ALLOW')
  if (tids.length === 0 && !isMalformed)
    read.problemAt({
      name: 'OIDC_ALLOW',
      wrong:
        'has no tid: rule, and OIDC_ISSUER is for every tenant: anybody in the world could log in',
      example,
    })
  return tids
}

/** A token is for one resource, named in the scope: what says otherwise would be refused at every login. */
export const refuseOtherResources = (read: Reader, profile: ProfileName, scope: string): void => {
  const wellScoped = 'openid profile email offline_access api://orders/access_as_user'
  if (resourcesOf(profile, scope).length > 1)
    read.problemAt({
      name: 'OIDC_SCOPE',
      wrong: `has scopes of two resources, and a token of ${profile} is for one (AADSTS28000)`,
      example: wellScoped,
    })
  if (read.text('OIDC_RESOURCE') !== undefined && !profiles[profile].takesResource)
    read.problemAt({
      name: 'OIDC_RESOURCE',
      wrong: `is refused by ${profile} (AADSTS901002): name the resource in OIDC_SCOPE`,
      example: `OIDC_SCOPE=${wellScoped}`,
    })
}

/** What will work, and not for long. */
export const warningsOf = ({ profile, scope }: Tenant): readonly string[] => {
  const { refreshScope } = profiles[profile]
  return refreshScope === undefined || scope.split(' ').includes(refreshScope)
    ? []
    : [`OIDC_SCOPE has no ${refreshScope}: sessions end with their first access token.`]
}
