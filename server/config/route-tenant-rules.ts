import { profiles } from '../core/profiles.ts'
import type { Route, Tenant } from './config.ts'
import type { Note } from './file-notes.ts'
import type { TenantSet } from './tenant-overlaps.ts'
import { requireAudiences } from './verify-rules.ts'

/** Notes what a route asks of the provider of a tenant that may use it, and that one refuses at every call. */
export const noteUnfit = (
  { defaultTenant, tenants, routes }: Omit<TenantSet, 'origin'>,
  note: Note,
): void => {
  const all = defaultTenant === undefined ? tenants : [defaultTenant, ...tenants]
  requireAudiences(routes, all, note)
  routes.forEach((route, i) => {
    const noteHere: Note = (key, wrong, example) => note(`routes[${i}].${key}`, wrong, example)
    for (const one of all)
      if (route.tenants?.includes(one.id) !== false) noteUnfitRoute(one, route, noteHere)
  })
}

const noteUnfitRoute = (
  { profile, clientAuth }: Tenant,
  { token, resource, scope }: Route,
  note: Note,
): void => {
  const { takesResource, scopeForTokens } = profiles[profile]
  if (token === 'none') return
  if (resource !== undefined && !takesResource)
    note('resource', `is refused by ${profile}: name it in scope`, exampleScope)
  if (token !== 'service' && token !== 'exchange') return
  if (scope === undefined && scopeForTokens)
    note('scope', `is missing: ${profile} gives no token without one`, exampleScope)
  if (clientAuth.method === 'none')
    note('token', `${token} needs a client that can prove itself`, 'OIDC_CLIENT_AUTH')
}

const exampleScope = 'scope: api://orders/.default'
