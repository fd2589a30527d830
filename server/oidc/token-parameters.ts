import type { Tenant } from '../config/config.ts'
import { profiles } from '../core/profiles.ts'
import type { TokenWant } from '../core/token-set.ts'

/** What a token request says of the token that is wanted: its resource (RFC 8707 section 2.2), audience and scope. */
export const tokenParameters = (
  { profile, resource: usual, scope: login }: Tenant,
  want: TokenWant = {},
): Record<string, string> =>
  wantParameters({
    audience: want.audience,
    resource: want.resource ?? usual,
    scope: want.scope ?? (profiles[profile].scopeForTokens ? login : undefined),
  })

/** The same of a want alone. */
export const wantParameters = ({
  audience,
  resource,
  scope,
}: TokenWant): Record<string, string> => ({
  ...(resource !== undefined && { resource }),
  ...(audience !== undefined && { audience }),
  ...(scope !== undefined && { scope }),
})
