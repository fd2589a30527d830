import type { Tenant } from '../config/config.ts'
import { profiles } from '../core/profiles.ts'
import type { TokenWant } from '../core/token-set.ts'

/** What a token request says of the token that is wanted: its resource (RFC 8707 section 2.2), audience and scope. */
export const tokenParameters = (
  { profile, resource: usual, scope: login }: Tenant,
  want: TokenWant = {},
): Record<string, string> => {
  const resource = want.resource ?? usual
  const scope = want.scope ?? (profiles[profile].scopeForTokens ? login : undefined)
  return {
    ...(resource !== undefined && { resource }),
    ...(want.audience !== undefined && { audience: want.audience }),
    ...(scope !== undefined && { scope }),
  }
}
