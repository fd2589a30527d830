/** How its access tokens tell that they are ones, and for whom. */
export type AccessTokenDialect = {
  /** `at+jwt`: RFC 9068 section 2.1. `compat`: the header may say `JWT` or nothing as well. */
  readonly typ: 'at+jwt' | 'compat'
  /** Claims without which it is refused. */
  readonly required: readonly string[]
  /** Where the header does not tell it from an ID token: one of these claims does, with one of these values where there are any. */
  readonly marks: readonly { readonly claim: string; readonly values?: readonly string[] }[]
  /** Where `aud` is missing: the claim that stands for it. */
  readonly audienceClaim?: string | undefined
  /** Path by dots of the claim that names the tenant. */
  readonly tenantClaim: string
}

/** How a client proves itself by a signature (`private_key_jwt`). */
export type AssertionDialect = {
  readonly typ: string
  readonly audience: 'issuer' | 'token_endpoint'
  /** What an RSA key signs with that does not say. */
  readonly rsaAlgorithm: 'RS256' | 'PS256'
}

/** OpenID Connect Core 1.0 section 9; draft-ietf-oauth-rfc7523bis: the type keeps an assertion from passing as another JWT. */
export const standardAssertion: AssertionDialect = {
  typ: 'client-authentication+jwt',
  audience: 'issuer',
  rsaAlgorithm: 'RS256',
}

/** How a token for another API is asked for on behalf of a user. */
export type ExchangeDialect = {
  readonly grantType: string
  /** The parameter that the user's access token goes in. */
  readonly subjectParameter: 'subject_token' | 'assertion'
  /** What goes along with every request. */
  readonly parameters: Readonly<Record<string, string>>
  /** What the answer must say that it brings; undefined: the grant has no such member. */
  readonly issuedTokenType?: string | undefined
  /** Refusals that may mean the user's token: one more try with a new one is worth it. */
  readonly subjectErrors: readonly string[]
}

const accessTokenType = 'urn:ietf:params:oauth:token-type:access_token'

/** RFC 8693 section 2. */
export const standardExchange: ExchangeDialect = {
  grantType: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subjectParameter: 'subject_token',
  parameters: { subject_token_type: accessTokenType, requested_token_type: accessTokenType },
  issuedTokenType: accessTokenType,
  // Section 2.2.2 has the first; the others are what servers say instead.
  subjectErrors: ['invalid_request', 'invalid_grant', 'invalid_token'],
}

/** How the address is made where the provider's own session ends. */
export type EndSessionDialect = {
  /** On the authorization endpoint's origin, where the metadata names no address. */
  readonly unlistedPath?: string | undefined
  readonly returnAddress: 'post_logout_redirect_uri' | 'logout_uri'
  /** Whether ID token and state may come along. */
  readonly takesIdToken: boolean
  /** The ID token's claim that goes along as `logout_hint`, so that nobody is asked which account to sign out of. */
  readonly hintClaim?: string | undefined
}

/** OpenID Connect RP-Initiated Logout 1.0 section 2. */
export const standardLogout: EndSessionDialect = {
  returnAddress: 'post_logout_redirect_uri',
  takesIdToken: true,
}

/** RFC 9068 section 2.2. */
export const standardAccessToken: AccessTokenDialect = {
  typ: 'at+jwt',
  required: ['iss', 'exp', 'aud', 'sub', 'client_id', 'iat', 'jti'],
  // No ID token says what it may be used for, or at which client it was got by name (OpenID Connect Core 1.0 section 2).
  marks: [{ claim: 'scope' }, { claim: 'scp' }, { claim: 'client_id' }],
  tenantClaim: 'tenant',
}

export const olderAccessToken: AccessTokenDialect = {
  ...standardAccessToken,
  typ: 'compat',
  required: ['iss', 'exp', 'iat'],
}
