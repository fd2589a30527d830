import type { Scheme } from './presented-token.ts'

const codes = {
  token_missing: { status: 401, title: 'An access token is needed' },
  invalid_request: { status: 400, title: 'The access token was not sent in one standard way' },
  invalid_token: { status: 401, title: 'The access token is not valid' },
  invalid_dpop_proof: { status: 401, title: 'The DPoP proof is not valid' },
  forbidden_tenant: { status: 403, title: 'This belongs to another tenant' },
  forbidden_role: { status: 403, title: 'The caller does not have the role for this' },
  insufficient_scope: { status: 403, title: 'The access token does not have the scopes for this' },
  keys_unavailable: { status: 503, title: 'The keys of the token issuer cannot be had' },
} as const

export type AccessTokenErrorCode = keyof typeof codes

export type AccessTokenErrorDetail = {
  /** What exactly was wrong, as a word for the log. */
  readonly reason: string
  /** The schemes that the caller may use. */
  readonly schemes: readonly Scheme[]
  readonly realm: string
  /** Scopes that would do. */
  readonly scope?: readonly string[] | undefined
  /** For the caller, in ASCII without quotes. */
  readonly description?: string | undefined
  readonly cause?: unknown
}

/** Why a call is refused; `status`, `headers` and `problem` are the answer. Nothing in it is a part of the token. */
export class AccessTokenError extends Error {
  override readonly name = 'AccessTokenError'
  readonly code: AccessTokenErrorCode
  readonly status: number
  /** For the log. */
  readonly reason: string
  /** `WWW-Authenticate` (RFC 6750 section 3), or `Retry-After`. */
  readonly headers: Readonly<Record<string, string>>
  /** RFC 9457. */
  readonly problem: Readonly<Record<string, unknown>>

  constructor(code: AccessTokenErrorCode, detail: AccessTokenErrorDetail) {
    super(`${code}: ${detail.reason}`, { cause: detail.cause })
    const { status, title } = codes[code]
    this.code = code
    this.status = status
    this.reason = detail.reason
    this.headers =
      status === 503
        ? { 'Retry-After': '5' }
        : { 'WWW-Authenticate': detail.schemes.map((one) => challenge(one, code, detail)).join(', ') } // prettier-ignore
    this.problem = {
      type: `urn:latchkey:problem:${code}`,
      title,
      status,
      code,
      ...(detail.description !== undefined && { detail: detail.description }),
    }
  }
}

/** What RFC 6750 section 3.1 calls it: without a token there is no error; a role or a tenant is a privilege as a scope is. */
const oauthErrors: Readonly<Record<AccessTokenErrorCode, string | undefined>> = {
  token_missing: undefined,
  invalid_request: 'invalid_request',
  invalid_token: 'invalid_token',
  invalid_dpop_proof: 'invalid_dpop_proof',
  forbidden_tenant: 'insufficient_scope',
  forbidden_role: 'insufficient_scope',
  insufficient_scope: 'insufficient_scope',
  keys_unavailable: undefined,
}

const challenge = (
  scheme: Scheme,
  code: AccessTokenErrorCode,
  { realm, scope, description }: AccessTokenErrorDetail,
): string => {
  const error = oauthErrors[code]
  const parameters = [
    ['realm', realm],
    ['error', error],
    ['error_description', error && description],
    ['scope', scope?.join(' ')],
    // RFC 9449 section 7.1.
    ['algs', scheme === 'DPoP' ? 'ES256 EdDSA PS256 RS256' : undefined],
  ].flatMap(([name, value]) => (value === undefined ? [] : [`${name}="${value}"`]))
  return `${scheme} ${parameters.join(', ')}`
}
