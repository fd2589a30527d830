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
 * Ends the sessions that a logout token names, once for each `jti`; throws `invalid_request` for any other token.
 *
 * A session created later than the token stays: an old token sent again must not end the next login.
 * OpenID Connect Back-Channel Logout 1.0 sections 2.6 and 2.7.
 */
export const acceptLogoutToken =
  (deps: AcceptLogoutTokenDeps) =>
  async (token: string): Promise<void> => {
    const checked = await deps.check(token)
    if (!checked.ok) throw refused(checked.reason)
    const { issuer, sid, sub, jti, issuedAtSeconds, expiresAtSeconds } = checked.value
    const replayableMs = expiresAtSeconds * 1_000 - deps.nowMs() + clockToleranceMs
    if (!(await deps.putOnce(`logout-jti ${JSON.stringify([issuer, jti])}`, replayableMs)))
      throw refused('replayed')
    const filter = { issuer, ...(sid !== undefined && { sid }), ...(sub !== undefined && { sub }) }
    const ended = await deps.endSessions(filter, issuedAtSeconds * 1_000 + graceMs)
    deps.log.info({ audit: 'backchannel_logout', issuer, sid, sub, ended }, 'back-channel logout')
  }

/** The reason is for the log: whoever probes learns nothing. */
const refused = (reason: string): BrokerError =>
  new BrokerError('invalid_request', {
    cause: new Error(`logout token: ${reason}`),
    detail: 'The logout token is not acceptable.',
  })
