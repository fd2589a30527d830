import type {
  AccessTokenDialect,
  AssertionDialect,
  EndSessionDialect,
  ExchangeDialect,
} from './dialects.ts'
import {
  olderAccessToken,
  standardAccessToken,
  standardAssertion,
  standardExchange,
  standardLogout,
} from './dialects.ts'

export type ProfileName = 'generic' | 'keycloak' | 'entra' | 'auth0' | 'okta' | 'cognito' | 'google'

/** What a provider does otherwise than plain OpenID Connect: data that the flow reads, so that it has no special cases. */
export type Profile = {
  /** The scope without which there is no refresh token, and a session ends with its access token. */
  readonly refreshScope?: string | undefined
  /** Path by dots into the ID token, where OIDC_ROLES_CLAIM is not set. */
  readonly rolesClaim: string
  /** Further paths, whose roles are added then; `{client_id}` stands for our own. */
  readonly furtherRoles: readonly (readonly string[])[]
  /** Parameters of the authorization request; those of OIDC_AUTH_PARAMS win, and an empty one there takes one away. */
  readonly authParams: Readonly<Record<string, string>>
  /** How long a used refresh token stays good, where OIDC_REFRESH_LEEWAY_SECONDS is not set. */
  readonly refreshLeewaySeconds: number
  /** First path segments of issuers that many tenants share: their metadata has a template for an issuer. */
  readonly sharedIssuers: readonly string[]
  /** Whose scopes those without a resource are, at a provider whose tokens are for one resource each. */
  readonly oneResource?: { readonly ofBareScopes: string } | undefined
  /** RFC 8707's `resource` is understood, or passed over. */
  readonly takesResource: boolean
  /** The token endpoint wants the scope again, at a refresh too. */
  readonly scopeForTokens: boolean
  /** Its UserInfo endpoint takes the access token whomever that is for. */
  readonly userInfo: boolean
  /** A refreshed ID token has the last `auth_time` of the provider's own session, not that of the login. */
  readonly authTimeMoves: boolean
  /** Revoking a refresh token ends every grant that this client has in the provider's session, a later login's too. */
  readonly revokesTheSession: boolean
  readonly tokenExchange: ExchangeDialect
  readonly clientAssertion: AssertionDialect
  readonly endSession: EndSessionDialect
  /** What a front-channel logout names its session by. OpenID Connect Front-Channel Logout 1.0 section 2 has both. */
  readonly frontchannel: 'iss_and_sid' | 'sid_alone'
  readonly accessToken: AccessTokenDialect
}

const generic: Profile = {
  rolesClaim: 'roles',
  furtherRoles: [],
  authParams: {},
  refreshLeewaySeconds: 0,
  sharedIssuers: [],
  takesResource: true,
  scopeForTokens: false,
  userInfo: true,
  authTimeMoves: false,
  revokesTheSession: false,
  tokenExchange: standardExchange,
  clientAssertion: standardAssertion,
  endSession: standardLogout,
  frontchannel: 'iss_and_sid',
  accessToken: standardAccessToken,
}

/** For providers whose used refresh tokens stay good; a day is longer than any session waits with a refresh in doubt. */
const stayGoodSeconds = 86_400

/** The profiles; docs/providers/README.md has the sources, by provider. */
export const profiles: Readonly<Record<ProfileName, Profile>> = {
  generic,
  keycloak: {
    ...generic,
    // Server Administration Guide, "Protocol mappers": the claims of the client scope `roles`.
    rolesClaim: 'realm_access.roles',
    furtherRoles: [['resource_access', '{client_id}', 'roles']],
    // Seen with 26.7.3, against OpenID Connect Core 1.0 section 12.2; docs/adr/refreshed-id-token.md.
    authTimeMoves: true,
    // Seen with 26.7.3: "Session doesn't have required client".
    revokesTheSession: true,
    // Its header says `JWT` unless the client is set to "Use at+jwt as access token header type"; the claim `typ` tells always.
    accessToken: {
      ...olderAccessToken,
      marks: [{ claim: 'typ', values: ['Bearer', 'DPoP'] }],
      tenantClaim: 'organization',
    },
  },
  entra: {
    ...generic,
    // learn.microsoft.com/entra/identity-platform/permissions-consent-overview, "offline_access".
    refreshScope: 'offline_access',
    // …/access-tokens, "Validate the issuer": these two publish `{tenantid}` in place of a tenant.
    sharedIssuers: ['common', 'organizations'],
    // …/refresh-tokens: "doesn't revoke old refresh tokens when used to fetch new access tokens".
    refreshLeewaySeconds: stayGoodSeconds,
    // AADSTS28000: more than one resource; …/scopes-oidc: a scope without a resource is Microsoft Graph's.
    oneResource: { ofBareScopes: 'https://graph.microsoft.com' },
    // AADSTS901002: "The 'resource' request parameter is not supported."
    takesResource: false,
    // AADSTS28003: no scope in the token request.
    scopeForTokens: true,
    // …/userinfo: hosted on Microsoft Graph, which takes no token for another API, and says no more than the ID token.
    userInfo: false,
    // …/v2-oauth2-on-behalf-of-flow, "Middle-tier access token request".
    tokenExchange: {
      grantType: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      subjectParameter: 'assertion',
      parameters: { requested_token_use: 'on_behalf_of' },
      subjectErrors: ['invalid_grant'],
    },
    // …/certificate-credentials, "Assertion format".
    clientAssertion: { typ: 'JWT', audience: 'token_endpoint', rsaAlgorithm: 'PS256' },
    // …/v2-protocols-oidc, "Send a sign-out request".
    endSession: { ...standardLogout, hintClaim: 'login_hint' },
    // Seen in github.com/OpenIDC/mod_auth_openidc/pull/855: a GET with `sid` alone.
    frontchannel: 'sid_alone',
    // …/access-token-claims-reference: `azp` or `appid` is the client; an ID token has neither (…/id-token-claims-reference).
    accessToken: {
      ...olderAccessToken,
      marks: [{ claim: 'scp' }, { claim: 'azp' }, { claim: 'appid' }],
      tenantClaim: 'tid',
    },
  },
  auth0: {
    ...generic,
    // auth0.com/docs/secure/tokens/refresh-tokens/get-refresh-tokens.
    refreshScope: 'offline_access',
    // …/tokens/access-tokens/access-token-profiles: RFC 9068 is the other profile; the default one has `azp` for the client.
    accessToken: {
      ...olderAccessToken,
      marks: [...olderAccessToken.marks, { claim: 'azp' }],
      tenantClaim: 'org_id',
    },
  },
  okta: {
    ...generic,
    // developer.okta.com/docs/guides/refresh-tokens.
    refreshScope: 'offline_access',
    rolesClaim: 'groups',
    // …/docs/reference/api/oidc, "Access token": the header has no `typ`; `cid` is the client.
    accessToken: { ...olderAccessToken, marks: [{ claim: 'cid' }] },
  },
  cognito: {
    ...generic,
    rolesClaim: 'cognito:groups',
    // docs.aws.amazon.com/cognito/latest/developerguide/logout-endpoint.html.
    endSession: { unlistedPath: '/logout', returnAddress: 'logout_uri', takesIdToken: false },
    // …/amazon-cognito-user-pools-using-the-access-token.html: no `typ`, `token_use` tells, and `client_id` stands where `aud` would.
    accessToken: {
      ...olderAccessToken,
      marks: [{ claim: 'token_use', values: ['access'] }],
      audienceClaim: 'client_id',
    },
  },
  google: {
    ...generic,
    // developers.google.com/identity/protocols/oauth2/web-server: a refresh token comes with offline access, at a consent.
    authParams: { access_type: 'offline', prompt: 'consent' },
    // …/protocols/oauth2, step 5: keep the refresh token "as long as it remains valid"; a refresh brings no other one.
    refreshLeewaySeconds: stayGoodSeconds,
  },
}

/** The first path segment of an issuer that many tenants share, such as `common`. */
export const sharedSegment = (profile: ProfileName, issuer: string): string | undefined => {
  const first = URL.canParse(issuer) ? new URL(issuer).pathname.split('/')[1] : undefined
  return profiles[profile].sharedIssuers.find((segment) => segment === first)
}

/** The resources that a profile's one token would have to be for; empty where a token may be for many. */
export const resourcesOf = (profile: ProfileName, scope: string): readonly string[] => {
  const { oneResource } = profiles[profile]
  if (oneResource === undefined) return []
  const found = scope.split(' ').filter((part) => !ownScopes.has(part))
  return [...new Set(found.map((part) => resourceOf(part) ?? oneResource.ofBareScopes))]
}

/** OpenID Connect's own, which belong to no resource. */
const ownScopes = new Set(['openid', 'profile', 'email', 'address', 'phone', 'offline_access', ''])

const resourceOf = (scope: string): string | undefined => {
  const end = scope.lastIndexOf('/')
  return end > 0 ? scope.slice(0, end).replace(/\/+$/, '').toLowerCase() : undefined
}
