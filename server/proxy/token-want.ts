import type { Route } from '../config/config.ts'
import type { TokenWant } from '../core/token-set.ts'

/** Which token goes along with a call to the route; undefined where none does. */
export type WantOf = (route: Route) => TokenWant | undefined

/**
 * The tokens that routes want of a login. What the login itself was asked for is not asked for again: a provider that gives no
 * refresh token has given that one all the same.
 */
export const tokenWants =
  (login: Pick<TokenWant, 'audience' | 'resource'>): WantOf =>
  ({ token, audience, resource, scope }) => {
    switch (token) {
      case 'none':
        return undefined
      case 'user':
      case 'optional':
        return scope === undefined && audience === login.audience && resource === login.resource
          ? {}
          : { audience, resource, scope }
      case 'service':
      case 'exchange':
        return { kind: token, audience, resource, scope }
    }
  }
