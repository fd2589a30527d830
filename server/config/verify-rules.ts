import type { Route, Tenant } from './config.ts'
import type { Reader } from './reader.ts'

type Named = Pick<Tenant, 'id' | 'audience' | 'resource'>

/** A token whose audience is not compared could be for any other API of the provider (RFC 9068 section 4). */
export const requireAudiences = (
  read: Reader,
  routes: readonly Route[],
  tenants: readonly Named[],
): void => {
  routes.forEach(({ verifyToken, audience, resource, tenants: ids }, i) => {
    const users = tenants.filter(({ id }) => ids?.includes(id) !== false)
    const isNamed = users.length > 0 && users.every((one) => one.audience ?? one.resource)
    if (verifyToken === true && (audience ?? resource) === undefined && !isNamed)
      read.problemAt({
        name: `CONFIG_FILE routes[${i}].verify_token`,
        wrong: 'needs to know whom the token is for, and the route has no audience',
        example: 'audience: orders',
      })
  })
}
