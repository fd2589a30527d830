import type { Clock } from '../core/clock.ts'
import { BrokerError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { singleFlight } from '../core/single-flight.ts'
import type { TokenSet, TokenWant } from '../core/token-set.ts'
import { isSpent, tokenKey } from '../core/token-set.ts'
import type { Stock } from '../core/token-supply.ts'
import { tokenSupply } from '../core/token-supply.ts'
import { loginPath } from '../http/endpoints.ts'
import type { Vault } from '../session/data.ts'
import { sessionEnded } from '../session/ended.ts'
import type { UserTokens } from '../session/fresh-tokens.ts'
import type { LiveSession } from '../session/records.ts'
import { jitteredAhead } from './jitter.ts'
import { neededLogin, refuseUntilLogin } from './needed-login.ts'
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

/**
 * The way of every call to its token. While the old token is good it is used and the refresh runs behind it; a caller waits
 * `waitMs` at most, and the refresh goes on, so that a slow provider's rotated token is not thrown away.
 */
export const freshTokens = (deps: FreshTokenDeps): UserTokens => {
  const flight = singleFlight<TokenSet>()
  const supply = tokenSupply({ ...deps, grant: 'refresh_token' })

  const stockOf = (session: LiveSession, want: TokenWant): Stock => {
    const vault = vaultOf(deps, session)
    const key = tokenKey(want)
    return {
      set: vault.sets[key],
      aheadSeconds: jitteredAhead(deps.aheadSeconds, session.recordId),
      mayRenew: mayRefresh(vault) && neededLogin(vault, want, deps.clock.nowMs()) === undefined,
      renew: async (rejected) => {
        if (vault.refreshToken === undefined) throw await withoutRefreshToken(deps, session, vault)
        refuseUntilLogin(vault, want, deps.clock.nowMs())
        const place = `${session.recordId} ${key} ${rejected ?? ''}`
        return await deps.keep(flight(place, () => deps.refresh({ session, want, rejected })))
      },
    }
  }

  return {
    // Not async: on every call's way, and whoever awaits it gets a fault of the vault all the same.
    fresh: (session, want) => supply.fresh(stockOf(session, want)),
    renewed: async (session, want) => await supply.renewed(stockOf(session, want)),
    instead: async (session, want, rejected) => {
      refuseUntilLogin(vaultOf(deps, session), want, deps.clock.nowMs())
      return await supply.instead(stockOf(session, want), rejected)
    },
  }
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
