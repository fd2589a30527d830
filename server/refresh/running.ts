import type { Clock } from '../core/clock.ts'
import { BrokerError } from '../core/errors.ts'
import type { SessionId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { Principal } from '../core/principal.ts'
import type { TokenWant } from '../core/token-set.ts'
import type { RefreshOutcome, RefreshRequest } from '../oidc/refresh-grant.ts'
import type { IDToken } from '../oidc/token-answer.ts'
import type { EndReason } from '../session/backend.ts'
import type { LiveSession } from '../session/records.ts'
import type { CircuitBreaker } from './circuit-breaker.ts'
import type { OpenVault, SettleDeps } from './settle.ts'
import type { TakeTurn } from './turns.ts'

export type RefreshSessionDeps = SettleDeps & {
  readonly clock: Clock
  readonly log: Log
  readonly aheadSeconds: number
  readonly leewaySeconds: number
  readonly breaker: CircuitBreaker
  readonly takeTurn: TakeTurn
  readonly grant: (principal: Principal, request: RefreshRequest) => Promise<RefreshOutcome>
  /** Whether a later ID token, after the one before it, says of its person that they may not log in any more. */
  readonly isNoLongerAllowed: (claims: IDToken, before: string) => boolean
  readonly endSession: (id: SessionId, reason: EndReason) => Promise<unknown>
  readonly revoke: (principal: Principal, refreshToken: string) => Promise<void>
  /** Whether that takes the grant of a later login along, which may be of the same session at the provider. */
  readonly revokesTheSession: boolean
  /** Keeps the process alive until what is under way has been written down. */
  readonly keep: <T>(work: Promise<T>) => Promise<T>
}

export type RefreshCase = {
  readonly session: LiveSession
  readonly want: TokenWant
  /** An access token that its resource server has called invalid, however long it has to live. */
  readonly rejected?: string | undefined
}

/** One refresh under way, in its turn. */
export type Running = RefreshCase & {
  /** The vault as this run last wrote it. */
  readonly vault: OpenVault
  readonly fence: number
  /** What is still being written down; the turn lasts as long. */
  readonly writes: Promise<unknown>[]
}

export const unavailable = (
  retryAfterSeconds: number,
  reason: string,
  cause: unknown = new Error(reason),
): BrokerError => new BrokerError('idp_unavailable', { retryAfterSeconds, cause })
