import type { Tenant } from '../config/config.ts'
import { nowSeconds } from '../core/clock.ts'
import type { Clock } from '../core/clock.ts'
import type { Result } from '../core/result.ts'
import { err } from '../core/result.ts'
import type { MetIssuer } from './issuers.ts'
import type { LogoutOrder, LogoutTokenRefusal } from './logout-token.ts'
import { readLogoutToken } from './logout-token.ts'
import type { SignatureVerdict } from './signature-check.ts'
import { readJwt } from './strict-jwt.ts'

export type LogoutRefusal = LogoutTokenRefusal | 'unreadable' | `signature_${SignatureVerdict}`

/**
 * The order in a posted logout token, or why it is refused. Rejects with `idp_unavailable` without metadata.
 * The cheap checks come first: a token that could not be ours costs no request to the issuer.
 */
export const checkLogoutToken = async (
  token: string,
  met: () => Promise<Pick<MetIssuer, 'verifyLogoutSignature'>>,
  tenant: Tenant,
  clock: Clock,
): Promise<Result<LogoutOrder, LogoutRefusal>> => {
  const parts = readJwt(token)
  if (parts === undefined) return err('unreadable')
  const { issuer, clientId, logoutTyp } = tenant
  const rules = { issuer, clientId, typ: logoutTyp, nowSeconds: nowSeconds(clock) }
  const order = readLogoutToken(parts.header, parts.claims, rules)
  if (!order.ok) return order
  const verdict = await (await met()).verifyLogoutSignature(token)
  return verdict === 'verified' ? order : err(`signature_${verdict}` as const)
}

/** Whom a posted logout token says it is for; whether that is true is `checkLogoutToken`'s to say. */
export const addresseeOf = (token: string) => {
  const { iss, aud } = readJwt(token)?.claims ?? {}
  const audience = [aud].flat()
  return ({ issuer, clientId }: Pick<Tenant, 'issuer' | 'clientId'>): boolean =>
    iss === issuer && audience.includes(clientId)
}
