import type { Clock } from '../core/clock.ts'
import type { Random } from '../core/random.ts'
import type { OidcContext } from './oidc-library.ts'
import { generateKeyPair } from 'node:crypto'
import { promisify } from 'node:util'
import { findAccount } from './accounts.ts'
import { memoryAdapter } from './memory-adapter.ts'
import { logoutPage, messagePage } from './provider-pages.ts'

export type ProviderSettings = {
  readonly redirectUri: string
  readonly postLogoutRedirectUri: string
  /** Where logout tokens go; with it the ID token carries a `sid`. */
  readonly backchannelLogoutUri?: string | undefined
  readonly clientId: string
  readonly clientSecret: string
  /** Absolute URI: the audience of the access tokens. */
  readonly apiAudience: string
  readonly accessTokenSeconds: number
  readonly random: Random
  readonly clock: Clock
}

const maxRecords = 20_000
const sessionSeconds = 12 * 3_600
const interactionSeconds = 600

/** The configuration of oidc-provider: one first-party client, one API, nothing left at a warned default. */
export const providerConfig = async (settings: ProviderSettings) => ({
  adapter: memoryAdapter({ maxRecords, clock: settings.clock }),
  clients: [client(settings)],
  claims: { profile: ['name', 'preferred_username', 'roles'], email: ['email', 'email_verified'] },
  conformIdTokenClaims: false,
  cookies: {
    names: {
      session: 'demo_idp_session',
      interaction: 'demo_idp_interaction',
      resume: 'demo_idp_resume',
    },
    keys: [settings.random.token(32)],
  },
  jwks: { keys: [await signingKey()] },
  responseTypes: ['code'],
  pkce: { required: () => true },
  findAccount: (_ctx: unknown, sub: string) => accountOf(sub),
  loadExistingGrant: grantEverything(settings.apiAudience),
  extraTokenClaims: (_ctx: unknown, token: { readonly accountId?: string }) =>
    tokenClaims(token.accountId),
  issueRefreshToken: () => true,
  rotateRefreshToken: true,
  expiresWithSession: () => false,
  clientBasedCORS: () => false,
  renderError: showError(new URL(settings.redirectUri).origin),
  features: features(settings),
  ttl: lifetimes(settings.accessTokenSeconds),
  // oidc-provider would refuse a logout token's way to localhost; here nothing else is reachable.
  fetch: (url: string | URL, { method, headers, body, signal }: RequestInit) =>
    fetch(url, {
      redirect: 'manual',
      ...(method !== undefined && { method }),
      ...(headers !== undefined && { headers }),
      ...(body !== undefined && { body }),
      ...(signal !== undefined && { signal }),
    }),
})

const client = (settings: ProviderSettings) => ({
  client_id: settings.clientId,
  client_secret: settings.clientSecret,
  client_name: 'Latchkey demo',
  redirect_uris: [settings.redirectUri],
  post_logout_redirect_uris: [settings.postLogoutRedirectUri],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'client_secret_basic',
  id_token_signed_response_alg: 'RS256',
  require_auth_time: true,
  ...(settings.backchannelLogoutUri !== undefined && {
    backchannel_logout_uri: settings.backchannelLogoutUri,
    backchannel_logout_session_required: true,
  }),
})

const signingKey = async () => {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2_048 })
  return { ...privateKey.export({ format: 'jwk' }), alg: 'RS256', use: 'sig' }
}

const accountOf = (sub: string) => {
  const account = findAccount(sub)
  if (account === undefined) return undefined
  const { username, name, email, roles } = account
  const claims = { sub, name, preferred_username: username, roles, email, email_verified: true }
  return { accountId: sub, claims: () => claims }
}

const tokenClaims = (sub: string | undefined) => {
  const account = sub === undefined ? undefined : findAccount(sub)
  return account && { name: account.name, roles: account.roles }
}

/**
 * Consent without a page: the client is our own.
 * Each login gets a grant of its own, so that revoking one login's tokens leaves the next login's alone.
 */
const grantEverything = (apiAudience: string) => async (ctx: OidcContext) => {
  const { provider, account, client: asking, requestParamScopes } = ctx.oidc
  if (account === undefined || asking === undefined) return undefined
  const { accountId } = account
  const grant = new provider.Grant({ accountId, clientId: asking.clientId })
  const scope = [...requestParamScopes].join(' ')
  grant.addOIDCScope(scope)
  grant.addResourceScope(apiAudience, scope)
  await grant.save()
  return grant
}

const features = (settings: ProviderSettings) => ({
  devInteractions: { enabled: false },
  backchannelLogout: { enabled: settings.backchannelLogoutUri !== undefined },
  revocation: { enabled: true, allowedPolicy: ownToken },
  rpInitiatedLogout: {
    enabled: true,
    logoutSource: (ctx: OidcContext, form: string) =>
      show(ctx, logoutPage({ form, asked: ctx.oidc.entities.IdTokenHint !== undefined })),
    postLogoutSuccessSource: (ctx: OidcContext) =>
      show(ctx, messagePage({ title: 'Logged out', text: 'You can close this page.' })),
  },
  resourceIndicators: {
    enabled: true,
    defaultResource: () => settings.apiAudience,
    useGrantedResource: () => true,
    getResourceServerInfo: (_ctx: unknown, resource: string) => ({
      audience: resource,
      scope: 'orders',
      accessTokenFormat: 'jwt',
      accessTokenTTL: settings.accessTokenSeconds,
      jwt: { sign: { alg: 'RS256' } },
    }),
  },
})

type Owned = { readonly clientId?: string }

const ownToken = (_ctx: unknown, asking: Owned, token: Owned): boolean =>
  asking.clientId === token.clientId

const lifetimes = (accessTokenSeconds: number) => ({
  AccessToken: accessTokenSeconds,
  AuthorizationCode: 60,
  IdToken: 3_600,
  RefreshToken: sessionSeconds,
  Interaction: interactionSeconds,
  Session: sessionSeconds,
  Grant: sessionSeconds,
})

const showError = (appOrigin: string) => (ctx: OidcContext, problem: { error: string }) =>
  show(
    ctx,
    messagePage({
      title: 'That did not work',
      text: `The demo provider refused the request: ${problem.error}.`,
      link: { href: appOrigin, label: 'Back to the app' },
    }),
  )

const show = (ctx: OidcContext, body: string): void => {
  ctx.type = 'html'
  ctx.body = body
}
