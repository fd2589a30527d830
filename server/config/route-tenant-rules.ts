import { profiles } from '../core/profiles.ts'
import type { Route, Tenant } from './config.ts'
import type { Reader } from './reader.ts'

/** Notes what a route asks of its provider that this one refuses at every call. */
export const refuseUnfitRoutes = (
  read: Reader,
  { profile, clientAuth }: Tenant,
  routes: readonly Route[],
): void => {
  const { takesResource, scopeForTokens } = profiles[profile]
  routes.forEach(({ token, resource, scope }, i) => {
    const note = (key: string, wrong: string, example: string) =>
      read.problemAt({ name: `CONFIG_FILE routes[${i}].${key}`, wrong, example })
    if (token === 'none') return
    if (resource !== undefined && !takesResource)
      note('resource', `is refused by ${profile}: name it in scope`, exampleScope)
    if (token !== 'service' && token !== 'exchange') return
    if (scope === undefined && scopeForTokens)
      note('scope', `is missing: ${profile} gives no token without one`, exampleScope)
    if (clientAuth.method === 'none')
      note('token', `${token} needs a client that can prove itself`, 'OIDC_CLIENT_AUTH')
  })
}

const exampleScope = 'scope: api://orders/.default'
