import type { Clock } from '../core/clock.ts'
import { BrokerError } from '../core/errors.ts'
import type { SessionId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { Principal } from '../core/principal.ts'
import type { TokenSet, TokenWant } from '../core/token-set.ts'
import { freshness, tokenKey } from '../core/token-set.ts'
import type { RefreshOutcome, RefreshRequest } from '../oidc/refresh-grant.ts'
import type { TokenAnswer } from '../oidc/token-answer.ts'
import type { EndReason } from '../session/backend.ts'
import type { RefreshIntent, Vault } from '../session/data.ts'
import { sessionEnded } from '../session/ended.ts'
import type { LiveSession } from '../session/records.ts'
import type { CircuitBreaker } from './circuit-breaker.ts'
import { judgeIntent } from './intent.ts'
import type { OpenVault, SettleDeps, Settling } from './settle.ts'
import { settle } from './settle.ts'
import type { TakeTurn } from './turns.ts'

export type RefreshSessionDeps = SettleDeps & {
  readonly clock: Clock
  readonly log: Log
  readonly aheadSeconds: number
  readonly leewaySeconds: number
  readonly breaker: CircuitBreaker
  readonly takeTurn: TakeTurn
  readonly grant: (principal: Principal, request: RefreshRequest) => Promise<RefreshOutcome>
  readonly endSession: (id: SessionId, reason: EndReason) => Promise<void>
  readonly revoke: (principal: Principal, refreshToken: string) => Promise<void>
}

export type RefreshCase = {
  readonly session: LiveSession
  readonly want: TokenWant
  /** An access token that its resource server has called invalid, however long it has to live. */
  readonly rejected?: string | undefined
}

const loginPath = '/login'
/** Longer than any grant may run: whoever waits, waits for the answer of the one that was sent. */
const patienceMs = 65_000

/**
 * One refresh in the session's turn: read again, write the intent, ask the provider, write down what came of it.
 *
 * Whoever waited finds the winner's token and sends nothing: a rotated refresh token sent twice ends the whole family. Only
 * `invalid_grant`, another subject or a refresh in doubt ends the session; all else is `idp_unavailable`.
 */
export const refreshSession =
  (deps: RefreshSessionDeps) =>
  async (asked: RefreshCase): Promise<TokenSet> => {
    const { session } = asked
    const look = async () => usableSet(deps, asked, await vaultOf(deps, session.id))
    const outcome = await deps.takeTurn({ id: session.recordId, patienceMs, look })
    if (outcome.kind === 'served') return outcome.value
    if (outcome.kind === 'taken') throw unavailable(2, 'somebody else is refreshing')
    const { turn } = outcome
    try {
      const vault = await vaultOf(deps, session.id)
      const usable = usableSet(deps, asked, vault)
      return usable ?? (await refreshVault(deps, { ...asked, vault, fence: turn.fence }))
    } finally {
      await turn.end()
    }
  }

type Running = RefreshCase & { readonly vault: OpenVault; readonly fence: number }

const unavailable = (retryAfterSeconds: number, reason: string, cause?: unknown): BrokerError =>
  new BrokerError('idp_unavailable', {
    retryAfterSeconds,
    cause: cause === undefined ? new Error(reason) : cause,
  })

const vaultOf = async (deps: RefreshSessionDeps, id: SessionId): Promise<OpenVault> => {
  const state = await deps.readSession(id)
  if (state.kind !== 'live')
    throw sessionEnded(state.kind === 'ended' ? state.reason : 'missing', loginPath)
  const vault = deps.openVault(state)
  if (vault === undefined) throw sessionEnded('missing', loginPath)
  return vault
}

const usableSet = (
  deps: RefreshSessionDeps,
  { want, rejected }: RefreshCase,
  vault: OpenVault,
): TokenSet | undefined => {
  const set = vault.content.sets[tokenKey(want)]
  if (set === undefined || set.accessToken === rejected) return undefined
  return freshness(set, deps.clock.nowMs(), deps.aheadSeconds) === 'fresh' ? set : undefined
}

const refreshVault = async (deps: RefreshSessionDeps, run: Running): Promise<TokenSet> => {
  const { intent, refreshToken } = run.vault.content
  if (refreshToken === undefined) throw sessionEnded('session_expired', loginPath)
  switch (judgeIntent(intent, deps.clock.nowMs(), deps.leewaySeconds)) {
    case 'wait':
      return await waitForOrphan(deps, run)
    case 'in_doubt':
      return await livesOnInDoubt(deps, run)
    case 'send':
      return await send(deps, await writeIntent(deps, run), refreshToken)
  }
}

/** From here to its outcome, a crash leaves a trace: the token is not sent again by whoever comes next. */
const writeIntent = async (deps: RefreshSessionDeps, run: Running): Promise<Running> => {
  const restMs = deps.breaker.enter()
  if (restMs > 0) throw unavailable(Math.ceil(restMs / 1_000), 'the provider is being spared')
  const content = { ...run.vault.content, intent: { fence: run.fence, atMs: deps.clock.nowMs() } }
  const written = { version: run.vault.version + 1, content }
  try {
    const outcome = await deps.saveVault(run.session.id, run.vault.version, content)
    if (outcome === 'gone') throw sessionEnded('session_revoked', loginPath)
    if (outcome === 'conflict') throw unavailable(1, 'somebody wrote without the turn')
    return { ...run, vault: written }
  } catch (error) {
    // Nothing was sent; an intent that was written after all must not say otherwise.
    if (error instanceof BrokerError && error.code === 'store_unavailable')
      await withdraw(deps, { ...run, vault: written })
    throw error
  }
}

const send = async (
  deps: RefreshSessionDeps,
  run: Running,
  refreshToken: string,
): Promise<TokenSet> => {
  const { principal } = run.session.facts
  const outcome = await deps.grant(principal, { refreshToken, sub: principal.sub, want: run.want })
  reportTo(deps.breaker, outcome)
  switch (outcome.kind) {
    case 'refreshed':
      return await saveAnswer(deps, run, outcome.answer)
    case 'invalid_grant':
      await deps.endSession(run.session.id, 'session_expired')
      deps.log.info({ sub: principal.sub }, 'session ended: the provider took the grant back')
      throw sessionEnded('session_expired', loginPath, outcome.cause)
    case 'other_subject':
      await deps.endSession(run.session.id, 'session_revoked')
      deps.log.error({ sub: principal.sub }, 'session ended: a refresh named another subject')
      await revokeQuietly(deps, principal, outcome.refreshToken)
      throw sessionEnded('session_revoked', loginPath)
    case 'try_again':
      await withdraw(deps, run)
      throw unavailable(outcome.retryAfterSeconds ?? 5, 'not refreshed', outcome.cause)
    case 'in_doubt':
      return await leaveInDoubt(deps, run, outcome.cause)
  }
}

const reportTo = (breaker: CircuitBreaker, outcome: RefreshOutcome): void => {
  if (outcome.kind === 'try_again') breaker.failed(outcome.retryAfterSeconds)
  else if (outcome.kind === 'in_doubt') breaker.failed()
  else breaker.succeeded()
}

const saveAnswer = async (
  deps: RefreshSessionDeps,
  run: Running,
  { tokenSet, refreshToken, idToken }: TokenAnswer,
): Promise<TokenSet> => {
  const set = run.rejected === undefined ? tokenSet : { ...tokenSet, forced: true }
  const saved = await settleRun(deps, run, ({ intent: _done, ...content }) => ({
    ...content,
    refreshToken: refreshToken ?? content.refreshToken,
    idToken: idToken?.raw ?? content.idToken,
    sets: { ...content.sets, [tokenKey(run.want)]: set },
  }))
  if (saved === 'updated') return set
  const { principal } = run.session.facts
  if (saved === 'conflict') {
    deps.log.error({ sub: principal.sub }, 'a refresh came home to another one and was dropped')
    throw unavailable(1, 'a later refresh counts')
  }
  // The session ended while the provider answered: the tokens came home too late and must not live on.
  await revokeQuietly(deps, principal, refreshToken)
  throw sessionEnded('session_revoked', loginPath)
}

const settleRun = (deps: RefreshSessionDeps, run: Running, change: Settling['change']) =>
  settle(deps, { id: run.session.id, fence: run.fence, vault: run.vault, change })

/** The refresh token is as good as before: the next one may send it. */
const withdraw = async (deps: RefreshSessionDeps, run: Running): Promise<void> => {
  await settleRun(deps, run, ({ intent: _withdrawn, ...content }) => content)
}

const markIntent = (content: Vault, mark: Partial<RefreshIntent>): Vault =>
  content.intent === undefined ? content : { ...content, intent: { ...content.intent, ...mark } }

/** Sent, and no telling what became of it: within the provider's leeway once more, else never again. */
const leaveInDoubt = async (
  deps: RefreshSessionDeps,
  run: Running,
  cause: unknown,
): Promise<TokenSet> => {
  const change = (content: Vault) => markIntent(content, { outcome: 'unknown' })
  const saved = await settleRun(deps, run, change)
  deps.log.warn({ err: cause, sub: run.session.facts.principal.sub }, 'a refresh is in doubt')
  if (saved === 'gone') throw sessionEnded('session_revoked', loginPath)
  const marked = change(run.vault.content)
  if (judgeIntent(marked.intent, deps.clock.nowMs(), deps.leewaySeconds) === 'send')
    throw unavailable(1, 'the same token may be sent again', cause)
  return await livesOnInDoubt(deps, run)
}

/** What is left of the access token is used; then the session ends, and a silent login can bring the person back. */
const livesOnInDoubt = async (deps: RefreshSessionDeps, run: Running): Promise<TokenSet> => {
  const set = run.vault.content.sets[tokenKey(run.want)]
  if (set !== undefined && set.accessToken !== run.rejected && set.expiresAtMs > deps.clock.nowMs())
    return set
  await deps.endSession(run.session.id, 'refresh_in_doubt')
  const { sub } = run.session.facts.principal
  deps.log.warn({ sub }, 'session ended: its refresh is in doubt and its token is used up')
  throw sessionEnded('refresh_in_doubt', loginPath)
}

/** Its sender died, or has lost the store and will find it again: one look later there is no more doubt about it. */
const waitForOrphan = async (deps: RefreshSessionDeps, run: Running): Promise<TokenSet> => {
  const { id } = run.session
  const { version, content } = run.vault
  const nowMs = deps.clock.nowMs()
  if (content.intent?.orphanSeenAtMs === undefined)
    await deps.saveVault(id, version, markIntent(content, { orphanSeenAtMs: nowMs }))
  const set = content.sets[tokenKey(run.want)]
  if (set !== undefined && set.accessToken !== run.rejected && set.expiresAtMs > nowMs) return set
  throw unavailable(2, 'an earlier refresh has not said what came of it')
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
