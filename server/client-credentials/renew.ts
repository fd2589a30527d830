import type { Clock } from '../core/clock.ts'
import { BrokerError } from '../core/errors.ts'
import type { RecordId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { TokenSet, TokenWant } from '../core/token-set.ts'
import { freshness, isSpent } from '../core/token-set.ts'
import type { GrantOutcome } from '../oidc/grant-outcome.ts'
import { grantRefusal, refusal } from '../oidc/grant-refusal.ts'
import type { Rest, ServiceRecord, ServiceRecords } from './service-records.ts'

export type Turn = { readonly end: () => Promise<void> }

export type RenewDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly aheadSeconds: number
  /** How long one grant may take. */
  readonly grantMs: number
  readonly records: ServiceRecords
  /** The right to ask, one instance at a time; `served`: somebody else's turn made ours needless. */
  readonly takeTurn: (request: {
    readonly id: RecordId
    readonly patienceMs: number
    readonly look: () => Promise<TokenSet | undefined>
  }) => Promise<
    | { readonly kind: 'turn'; readonly turn: Turn }
    | { readonly kind: 'served'; readonly value: TokenSet }
    | { readonly kind: 'taken' }
  >
  readonly grant: (want: TokenWant) => Promise<GrantOutcome>
  readonly keep: <T>(work: Promise<T>) => Promise<T>
}

export type Renewal = {
  readonly want: TokenWant
  /** An access token that its resource server has called invalid, however long it has to live. */
  readonly rejected?: string | undefined
}

/** A turn may come to its end a little after its grant. */
const slackMs = 5_000

/** One renewal in the cluster's turn: look what others have got, ask the provider, write down what came of it. */
export const renewServiceToken =
  (deps: RenewDeps) =>
  async (asked: Renewal): Promise<TokenSet> => {
    const { records, clock, aheadSeconds } = deps
    const id = records.idOf(asked.want)
    const look = async () => {
      const set = unspent(deps, await records.read(id), asked)
      return set && freshness(set, clock.nowMs(), aheadSeconds) === 'fresh' ? set : undefined
    }
    const served = await look()
    if (served !== undefined) return served
    const outcome = await deps.takeTurn({ id, patienceMs: deps.grantMs + slackMs, look })
    if (outcome.kind === 'served') return outcome.value
    if (outcome.kind === 'taken') return orThrow(deps, asked, records.known(id), away(2))
    try {
      return (await look()) ?? (await ask(deps, asked, id))
    } finally {
      void deps.keep(outcome.turn.end())
    }
  }

const ask = async (deps: RenewDeps, asked: Renewal, id: RecordId): Promise<TokenSet> => {
  const before = deps.records.known(id)
  const resting = restError(before, deps.clock.nowMs())
  if (resting !== undefined) return orThrow(deps, asked, before, resting)
  const outcome = await deps.grant(asked.want)
  if (outcome.kind === 'granted') {
    const { tokenSet } = outcome
    const set = asked.rejected === undefined ? tokenSet : { ...tokenSet, forced: true }
    await write(deps, id, { set })
    return set
  }
  const rest = restAfter(outcome, before.rest, deps.clock.nowMs())
  await write(deps, id, { ...before, rest })
  const error =
    outcome.kind === 'refused'
      ? grantRefusal(deps.log, outcome, asked.want, { grant: 'client_credentials' })
      : away(Math.ceil(rest.lengthMs / 1_000), outcome.cause)
  return orThrow(deps, asked, before, error)
}

/** The grant is there, whether or not the others get to know. */
const write = async (deps: RenewDeps, id: RecordId, record: ServiceRecord): Promise<void> => {
  try {
    await deps.records.write(id, record)
  } catch (err) {
    deps.log.warn({ err }, 'what came of a client credentials grant is not shared')
  }
}

const firstRestMs = 1_000
const longestRefusedMs = 60_000
const longestAwayMs = 10_000
const longestRetryAfterMs = 30_000

const restAfter = (
  outcome: Exclude<GrantOutcome, { kind: 'granted' }>,
  last: Rest | undefined,
  nowMs: number,
): Rest => {
  const doubledMs = last === undefined ? firstRestMs : last.lengthMs * 2
  if (outcome.kind === 'refused') {
    const lengthMs = Math.min(doubledMs, longestRefusedMs)
    return { lengthMs, untilMs: nowMs + lengthMs, reason: outcome.reason }
  }
  const askedMs = Math.min((outcome.retryAfterSeconds ?? 0) * 1_000, longestRetryAfterMs)
  const lengthMs = Math.max(Math.min(doubledMs, longestAwayMs), askedMs)
  return { lengthMs, untilMs: nowMs + lengthMs }
}

/** Why the provider is not asked now; undefined: it may be. */
export const restError = ({ rest }: ServiceRecord, nowMs: number): BrokerError | undefined => {
  if (rest === undefined || rest.untilMs <= nowMs) return undefined
  if (rest.reason !== undefined) return refusal(rest.reason)
  return away(Math.ceil((rest.untilMs - nowMs) / 1_000))
}

const unspent = (
  { clock }: RenewDeps,
  { set }: ServiceRecord,
  { rejected }: Renewal,
): TokenSet | undefined =>
  set === undefined || set.accessToken === rejected || isSpent(set, clock.nowMs()) ? undefined : set

/** What is left of the token at hand outlives a provider that has none to give. */
const orThrow = (
  deps: RenewDeps,
  asked: Renewal,
  record: ServiceRecord,
  error: BrokerError,
): TokenSet => {
  const set = unspent(deps, record, asked)
  if (set === undefined) throw error
  return set
}

const away = (
  retryAfterSeconds: number,
  cause: unknown = new Error('no token for the client itself'),
): BrokerError => new BrokerError('idp_unavailable', { retryAfterSeconds, cause })
