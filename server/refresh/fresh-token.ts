import type { Clock } from '../core/clock.ts'
import { withDeadline } from '../core/deadline.ts'
import { BrokerError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { singleFlight } from '../core/single-flight.ts'
import type { TokenSet, TokenWant } from '../core/token-set.ts'
import { freshness, tokenKey } from '../core/token-set.ts'
import type { Vault } from '../session/data.ts'
import type { LiveSession } from '../session/records.ts'
import { sessionEnded } from './session-ended.ts'

export type FreshTokenDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly aheadSeconds: number
  readonly waitMs: number
  readonly openVault: (session: LiveSession) => { readonly content: Vault } | undefined
  /** One refresh for this session and want; rejects with BrokerError. */
  readonly refresh: (session: LiveSession, want: TokenWant) => Promise<TokenSet>
  readonly endSession: (session: LiveSession) => Promise<void>
  /** Keeps the process alive until a running refresh has saved its token. */
  readonly keep: <T>(work: Promise<T>) => Promise<T>
}

export type FreshToken = (session: LiveSession, want: TokenWant) => Promise<TokenSet>

/**
 * A token that may be sent now: the stored one, or a new one.
 *
 * Any number of calls cause one refresh. While the old token is good it is used and the refresh runs behind it; a caller
 * waits `waitMs` at most, and the refresh goes on, so that a slow provider's rotated token is not thrown away.
 * Throws `session_expired` or `idp_unavailable`.
 */
export const freshToken = (deps: FreshTokenDeps): FreshToken => {
  const flight = singleFlight<TokenSet>()
  const refreshed = (session: LiveSession, want: TokenWant) =>
    deps.keep(flight(`${session.recordId} ${tokenKey(want)}`, () => deps.refresh(session, want)))

  return async (session, want) => {
    const vault = deps.openVault(session)?.content
    if (vault === undefined) throw sessionEnded('session_expired')
    const set = vault.sets[tokenKey(want)]
    const age = set === undefined ? 'stale' : freshness(set, deps.clock.nowMs(), deps.aheadSeconds)
    if (set !== undefined && age === 'fresh') return set
    if (vault.refreshToken === undefined) {
      if (set !== undefined && age !== 'stale') return set
      throw await withoutRefreshToken(deps, session, vault)
    }
    const running = refreshed(session, want)
    if (set === undefined || age === 'stale')
      return await withDeadline(running, deps.waitMs, providerSlow)
    running.catch((cause: unknown) => {
      deps.log.warn({ err: cause }, 'refresh ahead of time failed: the old token serves on')
    })
    return set
  }
}

/** The session ends with the last of its tokens; while one lives, a token for another audience is merely not to be had. */
const withoutRefreshToken = async (
  deps: FreshTokenDeps,
  session: LiveSession,
  vault: Vault,
): Promise<BrokerError> => {
  const nowMs = deps.clock.nowMs()
  if (Object.values(vault.sets).some(({ expiresAtMs }) => expiresAtMs > nowMs))
    return new BrokerError('idp_unavailable', {
      retryAfterSeconds: 60,
      cause: new Error('no refresh token to ask with for the audience of this route'),
    })
  await deps.endSession(session)
  return sessionEnded('session_expired')
}

const providerSlow = () =>
  new BrokerError('idp_unavailable', {
    retryAfterSeconds: 2,
    cause: new Error('the refresh is still running'),
  })
