import type { ProtectedHeaderParameters } from 'jose'
import type { Issuer, Sid, Sub } from '../core/ids.ts'
import { asSid, asSub } from '../core/ids.ts'
import type { Result } from '../core/result.ts'
import { err, ok } from '../core/result.ts'
import { isJsonObject } from '../core/json-object.ts'

/** What a logout token asks for. */
export type LogoutOrder = {
  readonly issuer: Issuer
  readonly sid?: Sid | undefined
  readonly sub?: Sub | undefined
  readonly jti: string
  readonly issuedAtSeconds: number
  readonly expiresAtSeconds: number
}

export type LogoutTokenRefusal =
  'typ' | 'iss' | 'aud' | 'iat' | 'exp' | 'jti' | 'events' | 'nonce' | 'subject'

export type LogoutTokenRules = {
  readonly issuer: Issuer
  readonly clientId: string
  /** OIDC_LOGOUT_TYP: `compat` takes `JWT` and no `typ` besides `logout+jwt`. */
  readonly typ: 'compat' | 'strict'
  readonly nowSeconds: number
}

const event = 'http://schemas.openid.net/event/backchannel-logout'
const toleranceSeconds = 30
/** A token that stays good for long could be kept back and used against a later session. */
const longestLifeSeconds = 600

/**
 * The order in a logout token whose signature is good, or why it is none.
 *
 * OpenID Connect Back-Channel Logout 1.0 section 2.6: an ID token has no `events` and mostly a `nonce`, an access token has
 * another `typ`: neither may log anybody out.
 */
export const readLogoutToken = (
  header: ProtectedHeaderParameters,
  claims: Readonly<Record<string, unknown>>,
  rules: LogoutTokenRules,
): Result<LogoutOrder, LogoutTokenRefusal> => {
  if (!isLogoutType(header.typ, rules.typ)) return err('typ')
  if (claims['iss'] !== rules.issuer) return err('iss')
  const audience = claims['aud']
  if ([audience].flat().length !== 1 || [audience].flat()[0] !== rules.clientId) return err('aud')
  const times = timesOf(claims, rules.nowSeconds)
  if (typeof times === 'string') return err(times)
  const { jti, sub, sid } = claims
  if (typeof jti !== 'string' || jti === '') return err('jti')
  if (!isLogoutEvent(claims['events'])) return err('events')
  if ('nonce' in claims) return err('nonce')
  if (!isNameOrNone(sub) || !isNameOrNone(sid) || (sub ?? sid) === undefined) return err('subject')
  return ok({
    issuer: rules.issuer,
    jti,
    ...times,
    sid: sid === undefined ? undefined : asSid(sid),
    sub: sub === undefined ? undefined : asSub(sub),
  })
}

/** Explicit typing (RFC 8725 section 3.11); media type names compare without case. */
const isLogoutType = (typ: unknown, rule: 'compat' | 'strict'): boolean => {
  if (typ === undefined) return rule === 'compat'
  const name = typeof typ === 'string' ? typ.toLowerCase().replace(/^application\//, '') : ''
  return name === 'logout+jwt' || (rule === 'compat' && name === 'jwt')
}

const timesOf = (claims: Readonly<Record<string, unknown>>, nowSeconds: number) => {
  const { iat, exp } = claims
  if (typeof iat !== 'number' || iat > nowSeconds + toleranceSeconds) return 'iat'
  if (typeof exp !== 'number' || exp <= nowSeconds - toleranceSeconds) return 'exp'
  if (exp - iat > longestLifeSeconds) return 'exp'
  return { issuedAtSeconds: iat, expiresAtSeconds: exp }
}

/** Whether a token's `events` make it one that ends a login. Section 2.4. */
export const isLogoutEvent = (events: unknown): boolean =>
  isJsonObject(events) && Object.hasOwn(events, event) && isJsonObject(events[event])

const isNameOrNone = (value: unknown): value is string | undefined =>
  value === undefined || (typeof value === 'string' && value !== '')
