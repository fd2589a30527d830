import type { Configuration } from 'openid-client'
import { buildEndSessionUrl, tokenRevocation } from 'openid-client'
import type { AsClient } from './either-secret.ts'
import { loggable } from './oauth-failure.ts'

export type EndSessionRequest = {
  readonly postLogoutRedirectUri: string
  readonly state: string
  readonly idTokenHint?: string | undefined
}

/** Where the browser ends the provider's own session; undefined when it has no such endpoint. RP-Initiated Logout 1.0 section 2. */
export const endSessionUrl = (
  configuration: Configuration,
  request: EndSessionRequest,
): string | undefined => {
  if (configuration.serverMetadata().end_session_endpoint === undefined) return undefined
  return buildEndSessionUrl(configuration, {
    post_logout_redirect_uri: request.postLogoutRedirectUri,
    state: request.state,
    ...(request.idTokenHint !== undefined && { id_token_hint: request.idTokenHint }),
  }).href
}

/** Revokes a refresh token where the provider can (RFC 7009 section 2); rejects when it could not be done. */
export const revokeToken = async (
  {
    configuration,
    asClient,
  }: { readonly configuration: Configuration; readonly asClient: AsClient },
  refreshToken: string,
): Promise<void> => {
  if (configuration.serverMetadata().revocation_endpoint === undefined) return
  try {
    await asClient((client) =>
      tokenRevocation(client, refreshToken, { token_type_hint: 'refresh_token' }),
    )
  } catch (error) {
    throw loggable(error)
  }
}
