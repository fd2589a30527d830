import { singleFlight } from '../core/single-flight.ts'
import type { TokenSet, TokenWant } from '../core/token-set.ts'
import type { Stock } from '../core/token-supply.ts'
import { tokenSupply } from '../core/token-supply.ts'
import type { RenewDeps } from './renew.ts'
import { renewServiceToken, restError } from './renew.ts'

export type ServiceTokenDeps = RenewDeps & {
  /** Who waits for the provider, waits this long at most. */
  readonly waitMs: number
}

export type ServiceTokens = {
  /** A token of the client itself that may be sent now; rejects with `idp_unavailable` or `token_refused`. */
  readonly fresh: (want: TokenWant) => Promise<TokenSet>
  /** Another one than a resource server has just called invalid; undefined where there is none to be had. */
  readonly instead: (want: TokenWant, rejected: string) => Promise<TokenSet | undefined>
}

/**
 * Tokens by client credentials, one per (tenant, audience, resource, scope) in the whole cluster. While the old one is good it
 * is used, and renewed behind the calls.
 */
export const serviceTokens = (deps: ServiceTokenDeps): ServiceTokens => {
  const { clock, records, aheadSeconds } = deps
  const flight = singleFlight<TokenSet>()
  const renewal = renewServiceToken(deps)
  const supply = tokenSupply({ ...deps, grant: 'client_credentials' })

  const stockOf = (want: TokenWant): Stock => {
    const id = records.idOf(want)
    const record = records.known(id)
    const resting = restError(record, clock.nowMs())
    return {
      set: record.set,
      aheadSeconds,
      mayRenew: resting === undefined,
      renew: (rejected) => {
        if (resting !== undefined) return Promise.reject(resting)
        const work = flight(`${id} ${rejected ?? ''}`, () => renewal({ want, rejected }))
        return deps.keep(work)
      },
    }
  }

  return {
    fresh: (want) => supply.fresh(stockOf(want)),
    instead: (want, rejected) => supply.instead(stockOf(want), rejected),
  }
}
