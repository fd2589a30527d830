import type { Route } from '../config/config.ts'
import type { TokenWant } from '../core/token-set.ts'

/** Which token goes along with a call to the route; undefined where none does. */
export const tokenWantOf = ({ token, audience, resource, scope }: Route): TokenWant | undefined => {
  switch (token) {
    case 'none':
      return undefined
    case 'user':
    case 'optional':
      return { audience, resource, scope }
    case 'service':
    case 'exchange':
      return { kind: token, audience, resource, scope }
  }
}
