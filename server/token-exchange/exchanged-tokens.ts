import { BrokerError, stepUpOf } from '../core/errors.ts'
import { singleFlight } from '../core/single-flight.ts'
import type { TokenSet, TokenWant } from '../core/token-set.ts'
import { tokenKey } from '../core/token-set.ts'
import type { Stock } from '../core/token-supply.ts'
import { tokenSupply } from '../core/token-supply.ts'
import { expiringMap } from '../session/expiring-map.ts'
import type { FreshTokens } from '../session/fresh-tokens.ts'
import type { LiveSession } from '../session/records.ts'
import type { ExchangeCase, ExchangeDeps } from './exchange.ts'
import { exchange } from './exchange.ts'

export type ExchangedTokenDeps = ExchangeDeps & {
  /** Who waits for the provider, waits this long at most. */
  readonly waitMs: number
  readonly keep: <T>(work: Promise<T>) => Promise<T>
}

/** A refusal is not asked for again by every call. */
const refusedRestMs = 10_000

/** Tokens that were exchanged for the user's, one per (session, audience, resource, scope), kept in the session's vault. */
export const exchangedTokens = (deps: ExchangedTokenDeps): FreshTokens => {
  const exchanged = sparingly(deps)
  const supply = tokenSupply({ ...deps, grant: 'token_exchange' })

  const stockOf = (session: LiveSession, want: TokenWant): Stock => ({
    set: deps.openVault(session)?.content.sets[tokenKey(want)],
    aheadSeconds: deps.aheadSeconds,
    mayRenew: true,
    renew: (rejected) => exchanged({ session, want, rejected }),
  })

  return {
    fresh: (session, want) => supply.fresh(stockOf(session, want)),
    instead: (session, want, rejected) => supply.instead(stockOf(session, want), rejected),
  }
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
      if (isRefusal(error) || isStepUp(error)) refused.set(place, error, refusedRestMs)
    })
    return deps.keep(work)
  }
}

const isRefusal = (error: unknown): error is BrokerError =>
  error instanceof BrokerError && error.code === 'token_refused'

/** It takes another login, and with it another session. */
const isStepUp = (error: unknown): error is BrokerError => stepUpOf(error) !== undefined
