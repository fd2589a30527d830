import type { Configuration } from 'openid-client'
import { buildAuthorizationUrl, calculatePKCECodeChallenge } from 'openid-client'
import type { Tenant } from '../config/config.ts'

/** What the person, or the app, asked of this login. */
export type LoginWish = {
  readonly prompt?: string | undefined
  readonly acrValues?: string | undefined
  readonly maxAgeSeconds?: number | undefined
  /** JSON, as OpenID Connect Core 1.0 section 5.5 has it. */
  readonly claims?: string | undefined
  readonly loginHint?: string | undefined
  readonly uiLocales?: string | undefined
}

/** The secrets that tie an authorization response to the request and the browser. */
export type LoginBinding = {
  readonly state: string
  readonly nonce: string
  readonly codeVerifier: string
}

/**
 * The authorization endpoint's address for one login: code flow, PKCE S256, state and nonce
 * (RFC 9700 section 2.1.1, OpenID Connect Core 1.0 section 3.1.2.1).
 */
export const authorizationUrl = async (
  configuration: Configuration,
  tenant: Tenant,
  request: { redirectUri: string; wish: LoginWish; binding: LoginBinding },
): Promise<URL> => {
  const { wish, binding } = request
  const parameters = {
    response_type: 'code',
    redirect_uri: request.redirectUri,
    scope: tenant.scope,
    state: binding.state,
    nonce: binding.nonce,
    code_challenge: await calculatePKCECodeChallenge(binding.codeVerifier),
    code_challenge_method: 'S256',
    response_mode: tenant.responseMode === 'form_post' ? 'form_post' : undefined,
    resource: tenant.resource,
    audience: tenant.audience,
    prompt: wish.prompt,
    acr_values: wish.acrValues,
    max_age: wish.maxAgeSeconds?.toString(),
    claims: wish.claims,
    login_hint: wish.loginHint,
    ui_locales: wish.uiLocales,
  }
  return buildAuthorizationUrl(configuration, { ...tenant.authParams, ...definedOnly(parameters) })
}

const definedOnly = (values: Readonly<Record<string, string | undefined>>) =>
  Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    ),
  )
