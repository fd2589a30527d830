import { tokenIntrospection } from 'openid-client'
import type { MetIssuer } from './issuers.ts'
import { loggable } from './oauth-failure.ts'

/** `unsupported`: the provider has no such endpoint. */
export type Introspection =
  | { readonly kind: 'active'; readonly claims: Readonly<Record<string, unknown>> }
  | { readonly kind: 'inactive' }
  | { readonly kind: 'unsupported' }

/**
 * What the provider says of an access token, asked as this client; rejects when it does not say. RFC 7662 section 2.
 * Only `true` is active: `"true"` would be as true to a careless reader as `"false"`.
 */
export const introspect = async (
  { configuration, asClient }: Pick<MetIssuer, 'configuration' | 'asClient'>,
  token: string,
): Promise<Introspection> => {
  if (configuration.serverMetadata().introspection_endpoint === undefined)
    return { kind: 'unsupported' }
  try {
    const { active, ...claims } = await asClient((client) =>
      tokenIntrospection(client, token, { token_type_hint: 'access_token' }),
    )
    return active ? { kind: 'active', claims } : { kind: 'inactive' }
  } catch (error) {
    throw loggable(error)
  }
}
