import type { Clock } from './clock.ts'
import { withDeadline } from './deadline.ts'
import { BrokerError, stepUpOf } from './errors.ts'
import type { Log } from './log.ts'
import type { TokenSet } from './token-set.ts'
import { forcedLately, freshness } from './token-set.ts'

export type TokenSupplyDeps = {
  readonly clock: Clock
  readonly log: Log
  /** Who waits for the provider, waits this long at most; its grant runs on. */
  readonly waitMs: number
  /** What renews these tokens, for the log. */
  readonly grant: string
}

/** One token as a caller finds it, and the way to the next. */
export type Stock = {
  readonly set: TokenSet | undefined
  readonly aheadSeconds: number
  /** False: what is at hand is used up first. */
  readonly mayRenew: boolean
  /** One grant for all who ask at once; with `rejected`, for another token than that one, however long it has to live. */
  readonly renew: (rejected?: string) => Promise<TokenSet>
}

export type TokenSupply = {
  /** A token that may be sent now. While the old one is good it is the answer, and the grant runs behind it. */
  readonly fresh: (stock: Stock) => Promise<TokenSet>
  /** The token after any renewal that is due. A provider that is away, or wants to see the person, leaves the one at hand while it lives. */
  readonly renewed: (stock: Stock) => Promise<TokenSet>
  /** Another token than the one its resource server has just called invalid; undefined where there is none to be had. */
  readonly instead: (stock: Stock, rejected: string) => Promise<TokenSet | undefined>
}

/** How tokens of every kind are served: the grants differ, the way a call comes to its token does not. */
export const tokenSupply = ({ clock, log, waitMs, grant }: TokenSupplyDeps): TokenSupply => {
  const inTime = (work: Promise<TokenSet>) => withDeadline(work, waitMs, () => stillRunning(grant))
  const ageOf = ({ set, aheadSeconds }: Stock) =>
    set === undefined ? 'stale' : freshness(set, clock.nowMs(), aheadSeconds)

  const fresh: TokenSupply['fresh'] = async (stock) => {
    const { set, mayRenew, renew } = stock
    const age = ageOf(stock)
    if (set === undefined || age === 'stale') return await inTime(renew())
    if (age === 'ageing' && mayRenew)
      renew().catch((err: unknown) => {
        log.warn({ err, grant }, 'a token was not renewed ahead of time: the old one serves on')
      })
    return set
  }

  const renewed: TokenSupply['renewed'] = async (stock) => {
    const { set, mayRenew, renew } = stock
    if (set === undefined || ageOf(stock) !== 'ageing' || !mayRenew) return await fresh(stock)
    try {
      return await inTime(renew())
    } catch (error) {
      if (hasNoneToGive(error) || stepUpOf(error) !== undefined) return set
      throw error
    }
  }

  const instead: TokenSupply['instead'] = async ({ set, mayRenew, renew }, rejected) => {
    if (set !== undefined && forcedLately(set, clock.nowMs()))
      return set.accessToken === rejected ? undefined : set
    if (!mayRenew) return undefined
    try {
      return await inTime(renew(rejected))
    } catch (error) {
      // The API's own answer tells more than a provider that has nothing to give.
      if (hasNoneToGive(error)) return undefined
      throw error
    }
  }

  return { fresh, renewed, instead }
}

const hasNoneToGive = (error: unknown): boolean =>
  error instanceof BrokerError &&
  (error.code === 'idp_unavailable' || error.code === 'token_refused')

const stillRunning = (grant: string) =>
  new BrokerError('idp_unavailable', {
    retryAfterSeconds: 2,
    cause: new Error(`the ${grant} grant is still running`),
  })
