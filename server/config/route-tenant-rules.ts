import { profiles } from '../core/profiles.ts'
import type { Config, Route, Tenant } from './config.ts'
import type { Reader } from './reader.ts'
import { requireAudiences } from './verify-rules.ts'

type Note = (key: string, wrong: string, example: string) => void

/** Notes what a route asks of the provider of a tenant that may use it, and that one refuses at every call. */
export const refuseUnfit = (read: Reader, { tenant, tenants = [], routes }: Config): void => {
  const all = tenant === undefined ? tenants : [tenant, ...tenants]
  requireAudiences(read, routes, all)
  routes.forEach((route, i) => {
    const note: Note = (key, wrong, example) => {
      const name = `CONFIG_FILE routes[${i}].${key}`
      const isKnown = read.problems.some((one) => one.name === name && one.wrong === wrong)
      if (!isKnown) read.problemAt({ name, wrong, example })
    }
    for (const one of all)
      if (route.tenants?.includes(one.id) !== false) refuseUnfitRoute(one, route, note)
  })
}

const refuseUnfitRoute = (
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
