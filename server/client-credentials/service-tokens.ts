import { withDeadline } from '../core/deadline.ts'
import { BrokerError } from '../core/errors.ts'
import { singleFlight } from '../core/single-flight.ts'
import type { TokenSet, TokenWant } from '../core/token-set.ts'
import { forcedLately, freshness } from '../core/token-set.ts'
import type { Renewal, RenewDeps } from './renew.ts'
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
  const { clock, records } = deps
  const flight = singleFlight<TokenSet>()
  const renew = renewServiceToken(deps)
  const renewed = (asked: Renewal) => {
    const key = `${records.idOf(asked.want)} ${asked.rejected ?? ''}`
    return deps.keep(flight(key, () => renew(asked)))
  }
  const inTime = (work: Promise<TokenSet>) => withDeadline(work, deps.waitMs, tooSlow)

  const fresh: ServiceTokens['fresh'] = async (want) => {
    const record = records.known(records.idOf(want))
    const { set } = record
    const nowMs = clock.nowMs()
    const age = set === undefined ? 'stale' : freshness(set, nowMs, deps.aheadSeconds)
    if (set !== undefined && age === 'fresh') return set
    const resting = restError(record, nowMs)
    if (set === undefined || age === 'stale') {
      if (resting !== undefined) throw resting
      return await inTime(renewed({ want }))
    }
    if (resting === undefined)
      renewed({ want }).catch((err: unknown) => {
        deps.log.warn({ err }, 'service token not renewed ahead of time: the old one serves on')
      })
    return set
  }

  const instead: ServiceTokens['instead'] = async (want, rejected) => {
    const { set } = records.known(records.idOf(want))
    if (set !== undefined && forcedLately(set, clock.nowMs())) return other(set, rejected)
    try {
      return await inTime(renewed({ want, rejected }))
    } catch (error) {
      // The API's own answer tells more than a provider that has nothing to give.
      if (error instanceof BrokerError) return undefined
      throw error
    }
  }

  return { fresh, instead }
}

const other = (set: TokenSet, rejected: string): TokenSet | undefined =>
  set.accessToken === rejected ? undefined : set

const tooSlow = () =>
  new BrokerError('idp_unavailable', {
    retryAfterSeconds: 2,
    cause: new Error('the client credentials grant is still running'),
  })
