import { BrokerError } from '../core/errors.ts'
import type { SessionId } from '../core/ids.ts'
import type { TokenSet } from '../core/token-set.ts'
import { freshness, tokenKey } from '../core/token-set.ts'
import type { RefreshOutcome } from '../oidc/refresh-grant.ts'
import { isTrouble } from '../oidc/refresh-grant.ts'
import { loginPath } from '../http/endpoints.ts'
import { sessionEnded } from '../session/ended.ts'
import type { CircuitBreaker } from './circuit-breaker.ts'
import { judgeIntent } from './intent.ts'
import { conclude, livesOnInDoubt, markIntent, unspentSet, withdraw } from './outcome.ts'
import { refuseUntilLogin } from './needed-login.ts'
import type { RefreshCase, RefreshSessionDeps, Running } from './running.ts'
import { unavailable } from './running.ts'
import type { OpenVault } from './settle.ts'

/** Longer than any grant may run: whoever waits, waits for the answer of the one that was sent. */
const patienceMs = 65_000

/**
 * One refresh in the session's turn: read again, write the intent, ask the provider, write down what came of it.
 *
 * Whoever waited finds the winner's token and sends nothing: a rotated refresh token sent twice ends the whole family. Only
 * `invalid_grant`, another login's ID token or a refresh in doubt ends the session; all else is `idp_unavailable`, or
 * `step_up_required` where the provider wants to see the person.
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
    const writes: Promise<unknown>[] = []
    try {
      const vault = await vaultOf(deps, session.id)
      const usable = usableSet(deps, asked, vault)
      return usable ?? (await refreshVault(deps, { ...asked, vault, fence: turn.fence, writes }))
    } finally {
      // The turn lasts until everything is written down; no caller waits for that.
      void deps.keep(Promise.allSettled(writes).then(turn.end))
    }
  }

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
  refuseUntilLogin(run.vault.content, run.want, deps.clock.nowMs())
  switch (judgeIntent(intent, deps.clock.nowMs(), deps.leewaySeconds)) {
    case 'wait':
      return await waitForOrphan(deps, run)
    case 'in_doubt':
      return await livesOnInDoubt(deps, run)
    case 'send': {
      const written = await writeIntent(deps, run)
      return await (written === undefined
        ? lookAgain(deps, run)
        : send(deps, written, refreshToken))
    }
  }
}

/** Whoever writes other tokens of this session takes no turn: the vault is read and judged anew. */
const lookAgain = async (deps: RefreshSessionDeps, run: Running): Promise<TokenSet> => {
  const vault = await vaultOf(deps, run.session.id)
  return usableSet(deps, run, vault) ?? (await refreshVault(deps, { ...run, vault }))
}

/**
 * From here to its outcome, a crash leaves a trace: the token is not sent again by whoever comes next.
 * Undefined: the vault is not as it was read.
 */
const writeIntent = async (
  deps: RefreshSessionDeps,
  run: Running,
): Promise<Running | undefined> => {
  const restMs = deps.breaker.enter()
  if (restMs > 0) throw unavailable(Math.ceil(restMs / 1_000), 'the provider is being spared')
  const content = { ...run.vault.content, intent: { fence: run.fence, atMs: deps.clock.nowMs() } }
  const written = { version: run.vault.version + 1, content }
  try {
    const outcome = await deps.saveVault(run.session.id, run.vault.version, content)
    if (outcome === 'gone') throw sessionEnded('session_revoked', loginPath)
    return outcome === 'conflict' ? undefined : { ...run, vault: written }
  } catch (error) {
    // Nothing was sent; an intent that was written after all must not say otherwise.
    if (error instanceof BrokerError && error.code === 'store_unavailable')
      run.writes.push(withdraw(deps, { ...run, vault: written }))
    throw error
  }
}

const send = async (
  deps: RefreshSessionDeps,
  run: Running,
  refreshToken: string,
): Promise<TokenSet> => {
  const { principal } = run.session.facts
  const { issuer, sub, sid, authTimeSeconds } = principal
  const login = { issuer, sub, sid, authTimeSeconds, nonce: run.vault.content.nonce }
  const outcome = await deps.grant(principal, { refreshToken, login, want: run.want })
  reportTo(deps.breaker, outcome)
  return await conclude(deps, run, outcome)
}

const reportTo = (breaker: CircuitBreaker, outcome: RefreshOutcome): void => {
  if (!isTrouble(outcome)) breaker.succeeded()
  else breaker.failed(outcome.kind === 'try_again' ? outcome.retryAfterSeconds : undefined)
}

/** Its sender died, or has lost the store and will find it again: one look later there is no more doubt about it. */
const waitForOrphan = async (deps: RefreshSessionDeps, run: Running): Promise<TokenSet> => {
  const { version, content } = run.vault
  const mark = { orphanSeenAtMs: deps.clock.nowMs() }
  if (content.intent?.orphanSeenAtMs === undefined)
    await deps.saveVault(run.session.id, version, markIntent(content, mark))
  const set = unspentSet(deps, run)
  if (set !== undefined) return set
  throw unavailable(2, 'an earlier refresh has not said what came of it')
}
