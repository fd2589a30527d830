import { withDeadline } from '../core/deadline.ts'
import { BrokerError } from '../core/errors.ts'
import { singleFlight } from '../core/single-flight.ts'
import type { TokenSet, TokenWant } from '../core/token-set.ts'
import { forcedLately, freshness, tokenKey } from '../core/token-set.ts'
import { expiringMap } from '../session/expiring-map.ts'
import type { LiveSession } from '../session/records.ts'
import type { ExchangeCase, ExchangeDeps } from './exchange.ts'
import { exchange } from './exchange.ts'

export type ExchangedTokenDeps = ExchangeDeps & {
  /** Who waits for the provider, waits this long at most. */
  readonly waitMs: number
  readonly keep: <T>(work: Promise<T>) => Promise<T>
}

export type ExchangedTokens = {
  /** The user's token for another API; rejects with `idp_unavailable`, `token_refused`, or as the session that is over. */
  readonly fresh: (session: LiveSession, want: TokenWant) => Promise<TokenSet>
  /** Another one than a resource server has just called invalid; undefined where there is none to be had. */
  readonly instead: (
    session: LiveSession,
    want: TokenWant,
    rejected: string,
  ) => Promise<TokenSet | undefined>
}

/** A refusal is not asked for again by every call. */
const refusedRestMs = 10_000

/** Tokens that were exchanged for the user's, one per (session, audience, resource, scope), kept in the session's vault. */
export const exchangedTokens = (deps: ExchangedTokenDeps): ExchangedTokens => {
  const { clock, log } = deps
  const exchanged = sparingly(deps)
  const inTime = (work: Promise<TokenSet>) => withDeadline(work, deps.waitMs, tooSlow)
  const known = (session: LiveSession, want: TokenWant) =>
    deps.openVault(session)?.content.sets[tokenKey(want)]

  const fresh: ExchangedTokens['fresh'] = async (session, want) => {
    const set = known(session, want)
    const age = set === undefined ? 'stale' : freshness(set, clock.nowMs(), deps.aheadSeconds)
    if (set === undefined || age === 'stale') return await inTime(exchanged({ session, want }))
    if (age === 'ageing')
      exchanged({ session, want }).catch((err: unknown) => {
        log.warn({ err }, 'exchange ahead of time failed: the old token serves on')
      })
    return set
  }

  const instead: ExchangedTokens['instead'] = async (session, want, rejected) => {
    const set = known(session, want)
    if (set !== undefined && forcedLately(set, clock.nowMs()))
      return set.accessToken === rejected ? undefined : set
    try {
      return await inTime(exchanged({ session, want, rejected }))
    } catch (error) {
      // The API's own answer tells more than a provider that has nothing to give.
      if (isRefusal(error)) return undefined
      if (error instanceof BrokerError && error.code === 'idp_unavailable') return undefined
      throw error
    }
  }

  return { fresh, instead }
}

/** One exchange at a time for a session and want; a refusal is its answer for a while. */
const sparingly = (deps: ExchangedTokenDeps) => {
  const flight = singleFlight<TokenSet>()
  const refused = expiringMap<BrokerError>(deps.clock)
  const run = exchange(deps)
  return (asked: ExchangeCase): Promise<TokenSet> => {
    const place = `${asked.session.recordId} ${tokenKey(asked.want)}`
    const resting = refused.get(place)
    if (resting !== undefined) return Promise.reject(resting)
    const work = flight(`${place} ${asked.rejected ?? ''}`, () => run(asked))
    work.catch((error: unknown) => {
      if (isRefusal(error)) refused.set(place, error, refusedRestMs)
    })
    return deps.keep(work)
  }
}

const isRefusal = (error: unknown): error is BrokerError =>
  error instanceof BrokerError && error.code === 'token_refused'

const tooSlow = () =>
  new BrokerError('idp_unavailable', {
    retryAfterSeconds: 2,
    cause: new Error('the token exchange is still running'),
  })
