import { randomUUID } from 'node:crypto'

/** Somebody in a directory; `groups` is how many groups they are in. */
export type EntraPerson = {
  readonly tid: string
  readonly oid: string
  readonly name: string
  readonly roles: readonly string[]
  readonly groups: number
}

export const tidA = '8eaef023-2b34-4da1-9baa-8bc8c9d6a490'
export const tidB = '82229342-1101-4ab6-817b-70c0747630f3'
/** Of personal accounts: learn.microsoft.com/entra/identity-platform/id-token-claims-reference. */
export const personalTid = '9188040d-6c67-4c5b-b112-36a304b66dad'

export const entraClient = {
  id: '535fb089-9ff3-47b6-9bfb-4f1264799865',
  secret: 'sampleCredentia1s~with.marks-_',
}

/** …/v2-oauth2-auth-code-flow, "Error response for the token endpoint": the words carry ids and a time, the codes are numbers. */
const answer = (error: string, code: number, words: string, more: object = {}) => ({
  error,
  error_description: `AADSTS${code}: ${words} Trace ID: ${randomUUID()} Correlation ID: ${randomUUID()} Timestamp: 2026-01-01 00:00:00Z`,
  error_codes: [code],
  timestamp: '2026-01-01 00:00:00Z',
  trace_id: randomUUID(),
  correlation_id: randomUUID(),
  error_uri: `https://login.microsoftonline.com/error?code=${code}`,
  ...more,
})

/** …/claims-challenge: what a login that gives the second factor is asked by. */
export const mfaClaims = '{"access_token":{"capolids":{"essential":true}}}'

/** Words and codes from …/reference-error-codes. */
export const entraAnswers = {
  spentGrant: answer('invalid_grant', 70_008, 'The refresh token has expired due to inactivity.', {
    suberror: 'token_expired',
  }),
  passwordChanged: answer('invalid_grant', 50_173, 'The provided grant has expired due to it being revoked.', { suberror: 'bad_token' }), // prettier-ignore
  mfaNeeded: answer('interaction_required', 50_076, 'You must use multi-factor authentication.', {
    suberror: 'basic_action',
    claims: mfaClaims,
  }),
  wrongSecret: answer('invalid_client', 7_000_215, 'Invalid client secret provided.'),
  twoResources: answer('invalid_scope', 28_000, 'Provided value for the input parameter scope is not valid because it contains more than one resource.'), // prettier-ignore
  otherAudience: answer('invalid_grant', 500_131, 'Assertion audience does not match the Client app presenting the assertion.'), // prettier-ignore
  noDefault: answer('invalid_scope', 1_002_012, "The provided value for scope is not valid. Client credential flows must have a scope value with /.default suffixed to the resource identifier (application ID URI)."), // prettier-ignore
  consentNeeded: answer('invalid_grant', 65_001, "The user or administrator hasn't consented to use the application.", { suberror: 'consent_required' }), // prettier-ignore
  noScope: answer('invalid_scope', 28_003, "Provided value for the input parameter scope can't be empty."), // prettier-ignore
} as const

/** …/v2-oauth2-auth-code-flow: RFC 6749's Basic, both parts URL-encoded, or in the body. */
export const isOurClient = (authorization = '', parameters: URLSearchParams): boolean => {
  const basic = Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString('utf8')
  const [id, secret] = basic.split(':').map(decodeURIComponent)
  const isBasic = id === entraClient.id && secret === entraClient.secret
  return isBasic || parameters.get('client_secret') === entraClient.secret
}

const ownScopes = ['openid', 'profile', 'email', 'offline_access']

/** How many resources a scope is for; a bare one is Microsoft Graph's: …/scopes-oidc. */
export const resourcesIn = (scope: string): number =>
  new Set(
    scope
      .split(' ')
      .filter((part) => !ownScopes.includes(part))
      .map((part) => (part.includes('/') ? part.slice(0, part.lastIndexOf('/')) : 'graph')),
  ).size

const mostGroups = 200

/** …/id-token-claims-reference, "Groups overage claim": above 200 there is only an address, of the old Azure AD Graph. */
export const groupsOf = ({ tid, oid, groups }: EntraPerson): Record<string, unknown> => {
  if (groups <= mostGroups)
    return { groups: Array.from({ length: groups }, (_, i) => `group-${i}`) }
  const endpoint = `https://graph.windows.net/${tid}/users/${oid}/getMemberObjects`
  return {
    groups: 'src1',
    _claim_names: { groups: 'src1' },
    _claim_sources: { src1: { endpoint } },
  }
}
