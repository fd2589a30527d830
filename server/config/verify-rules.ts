import type { Note } from './file-notes.ts'
import type { Route, Tenant } from './config.ts'

type Named = Pick<Tenant, 'id' | 'audience' | 'resource'>

/** A token whose audience is not compared could be for any other API of the provider (RFC 9068 section 4). */
export const requireAudiences = (
  routes: readonly Route[],
  tenants: readonly Named[],
  note: Note,
): void => {
  routes.forEach(({ verifyToken, audience, resource, tenants: ids }, i) => {
    const users = tenants.filter(({ id }) => ids?.includes(id) !== false)
    // Of a route for tenants that there are not, that is the fault.
    const isNamed =
      users.every((one) => one.audience ?? one.resource) && (users.length > 0 || ids !== undefined)
    if (verifyToken === true && (audience ?? resource) === undefined && !isNamed)
      note(
        `routes[${i}].verify_token`,
        'needs to know whom the token is for, and the route has no audience',
        'audience: orders',
      )
  })
}
