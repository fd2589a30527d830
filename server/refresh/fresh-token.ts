import type { Clock } from '../core/clock.ts'
import { withDeadline } from '../core/deadline.ts'
import { BrokerError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { singleFlight } from '../core/single-flight.ts'
import type { TokenSet, TokenWant } from '../core/token-set.ts'
import { forcedLately, freshness, isSpent, tokenKey } from '../core/token-set.ts'
import { loginPath } from '../http/endpoints.ts'
import type { Vault } from '../session/data.ts'
import { sessionEnded } from '../session/ended.ts'
import type { LiveSession } from '../session/records.ts'
import { jitteredAhead } from './jitter.ts'
import type { RefreshCase } from './running.ts'

export type FreshTokenDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly aheadSeconds: number
  readonly waitMs: number
  readonly openVault: (session: LiveSession) => { readonly content: Vault } | undefined
  /** One refresh for this session and want; rejects with BrokerError. */
  readonly refresh: (asked: RefreshCase) => Promise<TokenSet>
  readonly endSession: (session: LiveSession) => Promise<unknown>
  /** Keeps the process alive until a running refresh has saved its token. */
  readonly keep: <T>(work: Promise<T>) => Promise<T>
}

export type FreshTokens = {
  /**
   * A token that may be sent now: the stored one, or a new one. Any number of calls cause one refresh.
   * Throws `session_expired`, `session_revoked` or `idp_unavailable`.
   */
  readonly fresh: (session: LiveSession, want: TokenWant) => Promise<TokenSet>
  /**
   * Another token than the one its resource server has just called invalid; undefined where there is none to be had.
   * Throws when the session turns out to be over.
   */
  readonly instead: (
    session: LiveSession,
    want: TokenWant,
    rejected: string,
  ) => Promise<TokenSet | undefined>
}

/**
 * The way of every call to its token. While the old token is good it is used and the refresh runs behind it; a caller waits
 * `waitMs` at most, and the refresh goes on, so that a slow provider's rotated token is not thrown away.
 */
export const freshTokens = (deps: FreshTokenDeps): FreshTokens => {
  const flight = singleFlight<TokenSet>()
  const refreshed = (asked: RefreshCase) => {
    const key = `${asked.session.recordId} ${tokenKey(asked.want)} ${asked.rejected ?? ''}`
    return deps.keep(flight(key, () => deps.refresh(asked)))
  }
  const inTime = (work: Promise<TokenSet>) => withDeadline(work, deps.waitMs, providerSlow)

  const fresh: FreshTokens['fresh'] = async (session, want) => {
    const vault = vaultOf(deps, session)
    const set = vault.sets[tokenKey(want)]
    const aheadSeconds = jitteredAhead(deps.aheadSeconds, session.recordId)
    const age = set === undefined ? 'stale' : freshness(set, deps.clock.nowMs(), aheadSeconds)
    if (set !== undefined && age === 'fresh') return set
    if (set === undefined || age === 'stale') {
      if (vault.refreshToken === undefined) throw await withoutRefreshToken(deps, session, vault)
      return await inTime(refreshed({ session, want }))
    }
    if (mayRefresh(vault))
      refreshed({ session, want }).catch((err: unknown) => {
        deps.log.warn({ err }, 'refresh ahead of time failed: the old token serves on')
      })
    return set
  }

  const instead: FreshTokens['instead'] = async (session, want, rejected) => {
    const vault = vaultOf(deps, session)
    const set = vault.sets[tokenKey(want)]
    if (!mayRefresh(vault) || forcedLately(set, deps.clock.nowMs())) return undefined
    try {
      return await inTime(refreshed({ session, want, rejected }))
    } catch (error) {
      // The API's own answer tells more than a provider that is away.
      if (error instanceof BrokerError && error.code === 'idp_unavailable') return undefined
      throw error
    }
  }

  return { fresh, instead }
}

/** A refresh that is in doubt is not asked about again while its token lives. */
const mayRefresh = ({ refreshToken, intent }: Vault): boolean =>
  refreshToken !== undefined && intent?.outcome !== 'unknown'

const vaultOf = (deps: FreshTokenDeps, session: LiveSession): Vault => {
  const vault = deps.openVault(session)?.content
  if (vault === undefined) throw sessionEnded('missing', loginPath)
  return vault
}

/** The session ends with the last of its tokens; while one lives, a token for another audience is merely not to be had. */
const withoutRefreshToken = async (
  deps: FreshTokenDeps,
  session: LiveSession,
  vault: Vault,
): Promise<BrokerError> => {
  const nowMs = deps.clock.nowMs()
  if (Object.values(vault.sets).some((set) => !isSpent(set, nowMs)))
    return new BrokerError('idp_unavailable', {
      retryAfterSeconds: 60,
      cause: new Error('no refresh token to ask with for the audience of this route'),
    })
  await deps.endSession(session)
  return sessionEnded('session_expired', loginPath)
}

const providerSlow = () =>
  new BrokerError('idp_unavailable', {
    retryAfterSeconds: 2,
    cause: new Error('the refresh is still running'),
  })
