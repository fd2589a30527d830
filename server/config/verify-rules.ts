import type { Route, Tenant } from './config.ts'
import type { Reader } from './reader.ts'

/** A token whose audience is not compared could be for any other API of the provider (RFC 9068 section 4). */
export const requireAudiences = (
  read: Reader,
  routes: readonly Route[],
  tenant: Pick<Tenant, 'audience' | 'resource'> | undefined,
): void => {
  routes.forEach(({ verifyToken, audience, resource }, i) => {
    const named = audience ?? resource ?? tenant?.audience ?? tenant?.resource
    if (verifyToken === true && named === undefined)
      read.problemAt({
        name: `CONFIG_FILE routes[${i}].verify_token`,
        wrong: 'needs to know whom the token is for, and the route has no audience',
        example: 'audience: orders',
      })
  })
}
