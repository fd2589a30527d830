import { withDeadline } from '../core/deadline.ts'
import { BrokerError } from '../core/errors.ts'
import type { StepUpDemand } from '../core/step-up.ts'
import type { TokenSet, TokenWant } from '../core/token-set.ts'
import { isSpent, tokenKey } from '../core/token-set.ts'
import type { RefreshOutcome } from '../oidc/refresh-grant.ts'
import type { TokenAnswer } from '../oidc/token-answer.ts'
import type { RefreshIntent, Vault } from '../session/data.ts'
import { loginPath } from '../http/endpoints.ts'
import { sessionEnded } from '../session/ended.ts'
import { judgeIntent } from './intent.ts'
import { loginNeeded, withNeed, withoutNeed } from './needed-login.ts'
import type { RefreshSessionDeps, Running } from './running.ts'
import { unavailable } from './running.ts'
import type { Settling } from './settle.ts'
import { settle } from './settle.ts'

/** Writes down what the provider's answer means for the session; the result is the token that a call may go with. */
export const conclude = async (
  deps: RefreshSessionDeps,
  run: Running,
  outcome: RefreshOutcome,
): Promise<TokenSet> => {
  switch (outcome.kind) {
    case 'refreshed':
      await requireStillAllowed(deps, run, outcome.answer)
      return await inStoreTime(run, saveAnswer(deps, run, outcome.answer))
    case 'invalid_grant':
      await deps.endSession(run.session.id, 'session_expired')
      deps.log.info(
        { ...ended(run, 'invalid_grant'), err: outcome.cause },
        'session ended: the provider took the grant back',
      )
      throw sessionEnded('session_expired', loginPath, outcome.cause)
    case 'other_login':
      await deps.endSession(run.session.id, 'session_revoked')
      deps.log.error(
        { ...ended(run, 'other_login'), claim: outcome.claim },
        'session ended: a refresh brought the ID token of another login',
      )
      await revokeLate(deps, run, outcome.refreshToken ?? run.vault.content.refreshToken)
      throw sessionEnded('session_revoked', loginPath)
    case 'login_needed':
      await inStoreTime(run, noteNeed(deps, run, outcome.demand))
      deps.log.info(
        { err: outcome.cause, sub: run.session.facts.principal.sub },
        'not refreshed: the provider wants to see the person',
      )
      throw loginNeeded(outcome.demand, outcome.cause)
    case 'try_again':
      await inStoreTime(run, withdraw(deps, run))
      throw unavailable(outcome.retryAfterSeconds ?? 5, 'not refreshed', outcome.cause)
    case 'in_doubt':
      return await inStoreTime(run, leaveInDoubt(deps, run, outcome.cause))
  }
}

/** Whom the rules let in at the login, and leave out by what the provider says now, has no session any more. */
const requireStillAllowed = async (
  deps: RefreshSessionDeps,
  run: Running,
  { idToken, refreshToken }: TokenAnswer,
): Promise<void> => {
  if (idToken === undefined) return
  if (!deps.isNoLongerAllowed(idToken.claims, run.vault.content.idToken)) return
  await deps.endSession(run.session.id, 'session_revoked')
  deps.log.warn(ended(run, 'not_allowed'), 'session ended: the account may not log in any more')
  await revokeLate(deps, run, refreshToken ?? run.vault.content.refreshToken)
  throw sessionEnded('session_revoked', loginPath)
}

/** The line that tells an auditor which session ended and why; `record` is a hash, the id itself opens the session. */
const ended = ({ session }: Running, reason: string) => ({
  audit: 'session_ended',
  reason,
  record: session.recordId,
  sub: session.facts.principal.sub,
})

const storePatienceMs = 1_000

/** A store that is away holds up no caller for longer; the write goes on, and the turn with it. */
export const inStoreTime = async <T>({ writes }: Running, work: Promise<T>): Promise<T> => {
  writes.push(work)
  const away = () => new BrokerError('store_unavailable', { retryAfterSeconds: 1 })
  return await withDeadline(work, storePatienceMs, away)
}

const settleRun = (deps: RefreshSessionDeps, run: Running, change: Settling['change']) =>
  settle(deps, { id: run.session.id, fence: run.fence, vault: run.vault, change })

/** The refresh token is as good as before: the next one may send it. */
export const withdraw = async (deps: RefreshSessionDeps, run: Running): Promise<void> => {
  await settleRun(deps, run, ({ intent: _withdrawn, ...content }) => content)
}

const noteNeed = async (
  deps: RefreshSessionDeps,
  run: Running,
  demand: StepUpDemand,
): Promise<void> => {
  const atMs = deps.clock.nowMs()
  const saved = await settleRun(deps, run, (content) => withNeed(content, run.want, demand, atMs))
  if (saved === 'gone') throw sessionEnded('session_revoked', loginPath)
}

const saveAnswer = async (
  deps: RefreshSessionDeps,
  run: Running,
  { tokenSet, refreshToken, idToken }: TokenAnswer,
): Promise<TokenSet> => {
  const scoped = { ...tokenSet, scope: tokenSet.scope ?? askedScope(run) }
  const set = run.rejected === undefined ? scoped : { ...scoped, forced: true }
  const saved = await settleRun(deps, run, ({ intent: _done, ...content }) => ({
    ...withoutNeed(content, run.want),
    refreshToken: refreshToken ?? content.refreshToken,
    idToken: idToken?.raw ?? content.idToken,
    sets: withSet(content.sets, run.want, set),
  }))
  if (saved === 'updated') return set
  if (saved === 'conflict') {
    const { sub } = run.session.facts.principal
    deps.log.error({ sub }, 'a refresh came home to another one and was dropped')
    throw unavailable(1, 'a later refresh counts')
  }
  // The session ended while the provider answered: the tokens came home too late and must not live on.
  await revokeLate(deps, run, refreshToken)
  throw sessionEnded('session_revoked', loginPath)
}

/** The provider may have thought again of what the user may do: what was exchanged for the login's token before says otherwise. */
const withSet = (sets: Vault['sets'], want: TokenWant, set: TokenSet): Vault['sets'] => {
  const key = tokenKey(want)
  if (key !== tokenKey({})) return { ...sets, [key]: set }
  const others = Object.entries(sets).filter(([, { exchanged }]) => exchanged !== true)
  return { ...Object.fromEntries(others), [key]: set }
}

/** What an answer without `scope` grants: what was asked, or else what the login was granted. RFC 6749 sections 5.1 and 6. */
const askedScope = ({ want, vault }: Running): string | undefined =>
  want.scope ?? vault.content.sets[tokenKey({})]?.scope

export const markIntent = (content: Vault, mark: Partial<RefreshIntent>): Vault =>
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
export const livesOnInDoubt = async (deps: RefreshSessionDeps, run: Running): Promise<TokenSet> => {
  const set = unspentSet(deps, run)
  if (set !== undefined) return set
  await deps.endSession(run.session.id, 'refresh_in_doubt')
  deps.log.warn(ended(run, 'refresh_in_doubt'), 'session ended: its refresh is in doubt')
  throw sessionEnded('refresh_in_doubt', loginPath)
}

/** The token at hand while it lives. */
export const unspentSet = (
  { clock }: RefreshSessionDeps,
  { vault, want, rejected }: Running,
): TokenSet | undefined => {
  const set = vault.content.sets[tokenKey(want)]
  const isUsable = set !== undefined && set.accessToken !== rejected
  return isUsable && !isSpent(set, clock.nowMs()) ? set : undefined
}

/**
 * Tokens that nobody will hold must not live on. After a login in the same session at the provider they are left to that session's
 * end, where revoking them would end the grant of the login as well.
 */
const revokeLate = async (
  deps: RefreshSessionDeps,
  run: Running,
  refreshToken: string | undefined,
): Promise<void> => {
  if (refreshToken === undefined) return
  try {
    if (deps.revokesTheSession && (await wasReplaced(deps, run))) return
    await deps.revoke(run.session.facts.principal, refreshToken)
  } catch (cause) {
    deps.log.warn({ err: cause }, 'a late refresh token was not revoked')
  }
}

const wasReplaced = async (deps: RefreshSessionDeps, { session }: Running): Promise<boolean> => {
  const state = await deps.readSession(session.id)
  return state.kind === 'ended' && state.reason === 'replaced'
}
