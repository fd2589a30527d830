import type { Configuration } from 'openid-client'
import { tokenRevocation } from 'openid-client'
import { decodeJwt } from 'jose'
import type { Tenant } from '../config/config.ts'
import type { ProfileName } from '../core/profiles.ts'
import { profiles } from '../core/profiles.ts'
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
  { profile, clientId }: Pick<Tenant, 'profile' | 'clientId'>,
  request: EndSessionRequest,
): string | undefined => {
  const address = endSessionAddress(configuration, profile)
  if (address === undefined) return undefined
  const { returnAddress, takesIdToken, hintClaim } = profiles[profile].endSession
  const { idTokenHint } = request
  const url = new URL(address)
  url.searchParams.set('client_id', clientId)
  url.searchParams.set(returnAddress, request.postLogoutRedirectUri)
  if (!takesIdToken) return url.href
  url.searchParams.set('state', request.state)
  if (idTokenHint !== undefined) url.searchParams.set('id_token_hint', idTokenHint)
  const hint = claimOf(idTokenHint, hintClaim)
  if (hint !== undefined) url.searchParams.set('logout_hint', hint)
  return url.href
}

/** The endpoint as the metadata names it, or as the profile knows it. */
export const endSessionAddress = (
  configuration: Configuration,
  profile: ProfileName,
): string | undefined => {
  const { end_session_endpoint: listed, authorization_endpoint: neighbour } =
    configuration.serverMetadata()
  const { unlistedPath } = profiles[profile].endSession
  if (listed !== undefined || unlistedPath === undefined || neighbour === undefined) return listed
  return new URL(unlistedPath, neighbour).href
}

/** A claim of our own, checked ID token. */
const claimOf = (idToken: string | undefined, name: string | undefined): string | undefined => {
  if (idToken === undefined || name === undefined) return undefined
  const value = decodeJwt(idToken)[name]
  return typeof value === 'string' && value !== '' ? value : undefined
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
