import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../core/clock.ts'
import { BrokerError } from '../core/errors.ts'
import type { RecordId, SessionId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { Principal } from '../core/principal.ts'
import type { TokenSet, TokenWant } from '../core/token-set.ts'
import { freshness, tokenKey } from '../core/token-set.ts'
import type { RefreshOutcome, RefreshRequest } from '../oidc/refresh-grant.ts'
import type { TokenAnswer } from '../oidc/token-answer.ts'
import type { EndReason, UpdateOutcome } from '../session/backend.ts'
import type { Vault } from '../session/data.ts'
import type { LiveSession, SessionState } from '../session/records.ts'
import { sessionEnded } from './session-ended.ts'

export type RefreshSessionDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly aheadSeconds: number
  readonly readSession: (id: SessionId) => Promise<SessionState>
  readonly openVault: (
    session: LiveSession,
  ) => { readonly version: number; readonly content: Vault } | undefined
  readonly saveVault: (id: SessionId, version: number, content: Vault) => Promise<UpdateOutcome>
  readonly lock: (id: RecordId) => Promise<number | undefined>
  readonly unlock: (id: RecordId, fence: number) => Promise<void>
  readonly grant: (principal: Principal, request: RefreshRequest) => Promise<RefreshOutcome>
  readonly endSession: (id: SessionId, reason: EndReason) => Promise<void>
  readonly revoke: (principal: Principal, refreshToken: string) => Promise<void>
}

/** Longer than any grant may run, so that nobody sends the same refresh token beside the holder. */
export const refreshLockMs = 65_000
const retryLockMs = 50
const retrySaveMs = 250
const saveWithinMs = 20_000

/**
 * One refresh under the session's lock: read again, ask the provider, save by compare-and-set.
 *
 * Whoever waited for the lock finds the winner's token and sends nothing: a rotated refresh token sent twice ends the
 * whole family. Only `invalid_grant` or another subject ends the session; every other failure is `idp_unavailable`.
 */
export const refreshSession =
  (deps: RefreshSessionDeps) =>
  async (session: LiveSession, want: TokenWant): Promise<TokenSet> => {
    const fence = await lockOf(deps, session.recordId)
    try {
      const current = await deps.readSession(session.id)
      if (current.kind === 'missing') throw sessionEnded('session_expired')
      if (current.kind === 'ended') throw sessionEnded(current.reason)
      const vault = deps.openVault(current)
      if (vault === undefined) throw sessionEnded('session_expired')
      const set = vault.content.sets[tokenKey(want)]
      const nowMs = deps.clock.nowMs()
      if (set !== undefined && freshness(set, nowMs, deps.aheadSeconds) === 'fresh') return set
      return await refreshVault(deps, { session: current, vault, want })
    } finally {
      await deps.unlock(session.recordId, fence).catch((cause: unknown) => {
        deps.log.warn({ err: cause }, 'refresh lock not freed: it runs out by itself')
      })
    }
  }

const lockOf = async (deps: RefreshSessionDeps, id: RecordId): Promise<number> => {
  const untilMs = deps.clock.nowMs() + refreshLockMs
  for (;;) {
    const fence = await deps.lock(id)
    if (fence !== undefined) return fence
    if (deps.clock.nowMs() > untilMs)
      throw new BrokerError('idp_unavailable', { retryAfterSeconds: 5 })
    await sleep(retryLockMs)
  }
}

type Refreshing = {
  readonly session: LiveSession
  readonly vault: { readonly version: number; readonly content: Vault }
  readonly want: TokenWant
}

const refreshVault = async (deps: RefreshSessionDeps, run: Refreshing): Promise<TokenSet> => {
  const { principal } = run.session.facts
  const { refreshToken } = run.vault.content
  if (refreshToken === undefined) throw sessionEnded('session_expired')
  const outcome = await deps.grant(principal, { refreshToken, sub: principal.sub, want: run.want })
  switch (outcome.kind) {
    case 'refreshed':
      return await saveAnswer(deps, run, outcome.answer)
    case 'invalid_grant':
      await deps.endSession(run.session.id, 'session_expired')
      deps.log.info({ sub: principal.sub }, 'session ended: the provider took the grant back')
      throw sessionEnded('session_expired', outcome.cause)
    case 'other_subject':
      await deps.endSession(run.session.id, 'session_revoked')
      deps.log.error({ sub: principal.sub }, 'session ended: a refresh named another subject')
      await revokeQuietly(deps, principal, outcome.refreshToken)
      throw sessionEnded('session_revoked')
    case 'failed':
      throw new BrokerError('idp_unavailable', { cause: outcome.cause, retryAfterSeconds: 5 })
  }
}

const saveAnswer = async (
  deps: RefreshSessionDeps,
  { session, vault, want }: Refreshing,
  { tokenSet, refreshToken, idToken }: TokenAnswer,
): Promise<TokenSet> => {
  const saved = await savePatiently(
    deps,
    { session, vault, want },
    {
      refreshToken: refreshToken ?? vault.content.refreshToken,
      idToken: idToken?.raw ?? vault.content.idToken,
      sets: { ...vault.content.sets, [tokenKey(want)]: tokenSet },
    },
  )
  if (saved === 'conflict')
    deps.log.error(
      { sub: session.facts.principal.sub },
      'a refreshed token was not saved: somebody wrote without the lock',
    )
  if (saved !== 'gone') return tokenSet
  // The session ended while the provider answered: the tokens came home too late and must not live on.
  await revokeQuietly(deps, session.facts.principal, refreshToken)
  throw sessionEnded('session_revoked')
}

/** A rotated refresh token is nowhere else: a store that is away for a moment must not cost the session. */
const savePatiently = async (
  deps: RefreshSessionDeps,
  { session, vault }: Refreshing,
  content: Vault,
): Promise<UpdateOutcome> => {
  const untilMs = deps.clock.nowMs() + saveWithinMs
  for (let retried = false; ; retried = true) {
    try {
      const outcome = await deps.saveVault(session.id, vault.version, content)
      // What failed may have taken effect: then the version in the way is our own.
      return retried && outcome === 'conflict' ? 'updated' : outcome
    } catch (cause) {
      if (deps.clock.nowMs() > untilMs) throw cause
      deps.log.warn({ err: cause }, 'a refreshed token is not saved yet')
      await sleep(retrySaveMs)
    }
  }
}

const revokeQuietly = async (
  deps: RefreshSessionDeps,
  principal: Principal,
  refreshToken: string | undefined,
): Promise<void> => {
  if (refreshToken === undefined) return
  await deps.revoke(principal, refreshToken).catch((cause: unknown) => {
    deps.log.warn({ err: cause }, 'a late refresh token was not revoked')
  })
}
