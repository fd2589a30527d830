import { authorizationCodeGrant } from 'openid-client'
import type { Clock } from '../core/clock.ts'
import { BrokerError } from '../core/errors.ts'
import type { Tenant } from '../config/config.ts'
import type { LoginBinding } from './authorization-request.ts'
import type { VerifySignature } from './signature-check.ts'
import type { MetIssuer } from './issuers.ts'
import { toLoginError } from './oauth-failure.ts'
import type { TokenAnswer } from './token-answer.ts'
import { issuerOf } from './issuer-template.ts'
import { parseIdToken, readIdToken, readTokens } from './token-answer.ts'
import { tokenParameters } from './token-parameters.ts'

export type Callback = {
  /** From settings, never from `Host`: it is sent to the token endpoint. */
  readonly redirectUri: string
  /** The authorization response as it came. */
  readonly parameters: URLSearchParams
  readonly binding: LoginBinding
  readonly maxAgeSeconds?: number | undefined
}

/**
 * The tokens for an authorization response, after every check; throws `login_failed` or `idp_unavailable`.
 *
 * State, issuer (RFC 9207 section 2.4) and duplicates are checked before the code is sent anywhere: a forged or mixed-up
 * response costs no token request. The nonce and the signature are checked before any token is used.
 */
export const exchangeCode = async (
  { asClient, verifySignature }: MetIssuer,
  tenant: Tenant,
  callback: Callback,
  clock: Clock,
): Promise<TokenAnswer> => {
  const url = new URL(callback.redirectUri)
  url.search = callback.parameters.toString()
  const askedAtMs = clock.nowMs()
  try {
    const checks = checksOf(callback)
    const parameters = tokenParameters(tenant)
    const answer = await asClient((configuration) =>
      authorizationCodeGrant(configuration, url, checks, parameters),
    )
    const raw = answer.id_token ?? ''
    await requireSignature(verifySignature, raw)
    const nowMs = clock.nowMs()
    const { clientId } = tenant
    const issuer = issuerOf(parseIdToken(raw).claims, tenant)
    const idToken = readIdToken(raw, { issuer, clientId, accessToken: answer.access_token, nowMs })
    return withAskedScope({ ...readTokens(answer, { askedAtMs, nowMs }), idToken }, tenant)
  } catch (error) {
    throw toLoginError(error)
  }
}

const checksOf = ({ binding, maxAgeSeconds }: Callback) => ({
  expectedState: binding.state,
  expectedNonce: binding.nonce,
  pkceCodeVerifier: binding.codeVerifier,
  idTokenExpected: true,
  ...(maxAgeSeconds !== undefined && { maxAge: maxAgeSeconds }),
})

/** An answer without `scope` grants what was asked. RFC 6749 section 5.1. */
const withAskedScope = (answer: TokenAnswer, { scope }: Tenant): TokenAnswer => {
  const { tokenSet } = answer
  return { ...answer, tokenSet: { ...tokenSet, scope: tokenSet.scope ?? scope } }
}

const requireSignature = async (verify: VerifySignature, idToken: string): Promise<void> => {
  const verdict = await verify(idToken)
  if (verdict === 'verified') return
  const cause = new Error(`ID token: signature ${verdict}`)
  throw verdict === 'unreachable'
    ? new BrokerError('idp_unavailable', { cause, retryAfterSeconds: 5 })
    : new BrokerError('login_failed', { cause })
}
