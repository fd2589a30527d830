import { BrokerError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Result } from '../core/result.ts'
import type { LogoutRefusal } from '../oidc/check-logout-token.ts'
import type { LogoutOrder } from '../oidc/logout-token.ts'
import type { SignOutFilter } from '../session/sign-out.ts'

export type AcceptLogoutTokenDeps = {
  readonly log: Log
  readonly nowMs: () => number
  readonly check: (token: string) => Promise<Result<LogoutOrder, LogoutRefusal>>
  /** True for the first of all callers on any instance. */
  readonly putOnce: (key: string, ttlMs: number) => Promise<boolean>
  /** Ends every session of the filter that was created before; counts them. */
  readonly endSessions: (filter: SignOutFilter, beforeMs: number) => Promise<number>
}

/** The issuer's clock may run ahead of the login it ends. */
const graceMs = 5_000
const clockToleranceMs = 60_000

/**
 * Ends the sessions that a logout token names, and takes each `jti` once; throws `invalid_request` for any other token.
 *
 * A `jti` is used up when its logout is done and not before: an issuer that sends the token again because the store failed on the
 * way must not be told "replayed" while the session lives. A token sent again does nothing: every session it could end is over, and
 * the mark it left lets no login of before slip past. One created later stays, or an old token would end the next login.
 * OpenID Connect Back-Channel Logout 1.0 sections 2.6 and 2.7.
 */
export const acceptLogoutToken =
  (deps: AcceptLogoutTokenDeps) =>
  async (token: string): Promise<void> => {
    const checked = await deps.check(token)
    if (!checked.ok) throw refused(checked.reason)
    const { issuer, sid, sub, jti, issuedAtSeconds, expiresAtSeconds } = checked.value
    const filter = { issuer, ...(sid !== undefined && { sid }), ...(sub !== undefined && { sub }) }
    const ended = await deps.endSessions(filter, issuedAtSeconds * 1_000 + graceMs)
    deps.log.info({ audit: 'backchannel_logout', issuer, sid, sub, ended }, 'back-channel logout')
    const replayableMs = expiresAtSeconds * 1_000 - deps.nowMs() + clockToleranceMs
    if (!(await deps.putOnce(`logout-jti ${JSON.stringify([issuer, jti])}`, replayableMs)))
      throw refused('replayed')
  }

/** The reason is for the log: whoever probes learns nothing. */
const refused = (reason: string): BrokerError =>
  new BrokerError('invalid_request', {
    cause: new Error(`logout token: ${reason}`),
    detail: 'The logout token is not acceptable.',
  })
