import type { Setting } from './setting.ts'

/** The variables about the identity provider, beside the first three. */
export const providerSettings = {
  OIDC_DISCOVERY_URL: {
    group: 'provider',
    meaning:
      'Where the metadata is read, when not under the issuer: an internal address, of the metadata or of the issuer.',
    example: 'http://keycloak.internal:8080/realms/main/.well-known/openid-configuration',
    default: 'OIDC_ISSUER/.well-known/openid-configuration',
  },
  OIDC_CLIENT_AUTH: {
    group: 'provider',
    meaning:
      'How this client proves itself: `client_secret_basic`, `client_secret_post`, `private_key_jwt`, or `none`.',
    example: 'private_key_jwt',
    default: 'client_secret_basic',
  },
  OIDC_CLIENT_KEYS: {
    group: 'provider',
    meaning: 'Private JWKs for `private_key_jwt`, newest first, as a JSON array or a JWK set.',
    example: '[{"kty":"EC","crv":"P-256","kid":"c1","x":"…","y":"…","d":"…"}]',
    secret: true,
  },
  OIDC_CLIENT_SECRET_NEXT: {
    group: 'provider',
    meaning:
      'A second secret during a rotation: tried where the provider refuses the first, then kept to while it works.',
    example: 'the-new-secret',
    secret: true,
  },
  OIDC_ALLOW_PUBLIC_CLIENT: {
    group: 'provider',
    meaning: '`true` lets `OIDC_CLIENT_AUTH=none` start: a client without proof of itself.',
    example: 'true',
    default: 'false',
  },
  OIDC_SCOPE: {
    group: 'provider',
    meaning: 'The scopes asked for; `openid` is one of them.',
    example: 'openid profile email orders',
    default: 'openid profile email',
  },
  OIDC_RESOURCE: {
    group: 'provider',
    meaning: 'The resource that tokens are for (RFC 8707), an absolute URI.',
    example: 'https://api.example',
  },
  OIDC_AUDIENCE: {
    group: 'provider',
    meaning: "Auth0's audience parameter.",
    example: 'https://api.example',
  },
  OIDC_AUTH_PARAMS: {
    group: 'provider',
    meaning: 'Further parameters of the authorization request, as a query string.',
    example: 'access_type=offline&hd=example.com',
  },
  OIDC_PROFILE: {
    group: 'provider',
    meaning:
      'The habits of a provider: `generic`, `keycloak`, `entra`, `auth0`, `okta`, `cognito` or `google`.',
    example: 'keycloak',
    default: 'generic',
  },
  OIDC_ALLOW: {
    group: 'provider',
    meaning:
      'Who may log in: whoever meets one of the rules `domain:`, `group:`, `role:` or `tid:`; see docs/who-may-log-in.md.',
    example: 'domain:example.com, group:staff, role:admin',
    default: 'everyone the provider lets in',
  },
  OIDC_ROLES_CLAIM: {
    group: 'provider',
    meaning: 'Where the ID token has the roles: a claim of that whole name, else a path by dots.',
    example: 'realm_access.roles',
    default: 'by profile; roles',
  },
  OIDC_RESPONSE_MODE: {
    group: 'provider',
    meaning: 'How the provider answers: `query` or `form_post`.',
    example: 'form_post',
    default: 'query',
  },
  OIDC_PAR: {
    group: 'provider',
    meaning:
      'Pushed authorization requests: `auto`, `on` or `off`. Not in this version: `on` is refused.',
    example: 'off',
    default: 'auto',
  },
  OIDC_DPOP: {
    group: 'provider',
    meaning: 'Sender-constrained tokens: `off` or `on`. Not in this version: `on` is refused.',
    example: 'off',
    default: 'off',
  },
  OIDC_FRONTCHANNEL: {
    group: 'provider',
    meaning: 'Front-channel logout at `/frontchannel-logout`: `off` or `on`.',
    example: 'on',
    default: 'off',
  },
  OIDC_LOGOUT_TYP: {
    group: 'provider',
    meaning: 'Which header `typ` a logout token may have: `compat` or `strict`.',
    example: 'strict',
    default: 'compat',
  },
  OIDC_LOGOUT_HINT: {
    group: 'provider',
    meaning: 'Whether the logout at the provider carries the ID token: `id_token` or `off`.',
    example: 'off',
    default: 'id_token',
  },
  OIDC_TIMEOUT_MS: {
    group: 'provider',
    meaning: 'How long a caller waits for the provider.',
    example: '5000',
    default: '8000',
  },
  OIDC_REFRESH_LEEWAY_SECONDS: {
    group: 'provider',
    meaning: 'How long the provider takes a rotated refresh token once more (its reuse leeway).',
    example: '10',
    default: '0',
  },
} as const satisfies Record<string, Setting>
