import type { Clock } from '../core/clock.ts'
import { BrokerError } from '../core/errors.ts'
import type { SessionId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { Principal } from '../core/principal.ts'
import type { TokenSet, TokenWant } from '../core/token-set.ts'
import { freshness, isSpent, tokenKey } from '../core/token-set.ts'
import { loginPath } from '../http/endpoints.ts'
import { grantRefusal } from '../oidc/grant-refusal.ts'
import type { ExchangeOutcome, ExchangeRequest } from '../oidc/token-exchange.ts'
import type { UpdateOutcome } from '../session/backend.ts'
import type { Vault } from '../session/data.ts'
import { sessionEnded } from '../session/ended.ts'
import type { UserTokens } from '../session/fresh-tokens.ts'
import type { LiveSession, SessionState } from '../session/records.ts'

type OpenVault = { readonly version: number; readonly content: Vault }

export type ExchangeDeps = {
  readonly clock: Clock
  readonly log: Log
  readonly aheadSeconds: number
  readonly readSession: (id: SessionId) => Promise<SessionState>
  readonly openVault: (session: LiveSession) => OpenVault | undefined
  readonly saveVault: (id: SessionId, version: number, content: Vault) => Promise<UpdateOutcome>
  /** The tokens of the login itself, for which others are exchanged. */
  readonly userTokens: Pick<UserTokens, 'renewed' | 'instead'>
  readonly breaker: {
    readonly enter: () => number
    readonly succeeded: () => void
    readonly failed: (retryAfterSeconds?: number) => void
  }
  readonly grant: (principal: Principal, request: ExchangeRequest) => Promise<ExchangeOutcome>
}

export type ExchangeCase = {
  readonly session: LiveSession
  readonly want: TokenWant
  /** An access token that its resource server has called invalid, however long it has to live. */
  readonly rejected?: string | undefined
}

/** The login's own access token. */
const loginsOwn: TokenWant = {}

/** One exchange: read again, ask with the user's fresh token, keep what came in the session's vault. */
export const exchange =
  (deps: ExchangeDeps) =>
  async (asked: ExchangeCase): Promise<TokenSet> => {
    const { want, rejected } = asked
    const { session, vault } = await stillLive(deps, asked.session.id)
    const known = vault.content.sets[tokenKey(want)]
    if (known !== undefined && known.accessToken !== rejected && isFresh(deps, known)) return known
    const { outcome, subjectToken } = await askFor(deps, session, want)
    if (outcome.kind === 'granted') {
      const bound = boundTo(session, outcome.tokenSet, deps.clock.nowMs())
      const set = rejected === undefined ? bound : { ...bound, forced: true }
      await keepSet(deps, asked, { set, subjectToken })
      return set
    }
    const error = errorOf(deps, asked, outcome)
    const left = known !== undefined && known.accessToken !== rejected ? known : undefined
    // What is left of it outlives a provider that is away.
    if (left === undefined || isSpent(left, deps.clock.nowMs())) throw error
    return left
  }

const isFresh = ({ clock, aheadSeconds }: ExchangeDeps, set: TokenSet): boolean =>
  freshness(set, clock.nowMs(), aheadSeconds) === 'fresh'

const stillLive = async (
  deps: Pick<ExchangeDeps, 'readSession' | 'openVault'>,
  id: SessionId,
): Promise<{ readonly session: LiveSession; readonly vault: OpenVault }> => {
  const state = await deps.readSession(id)
  if (state.kind !== 'live')
    throw sessionEnded(state.kind === 'ended' ? state.reason : 'missing', loginPath)
  const vault = deps.openVault(state)
  if (vault === undefined) throw sessionEnded('missing', loginPath)
  return { session: state, vault }
}

/** What the provider said, and the user's token that it was asked with. */
type Asked = { readonly outcome: ExchangeOutcome; readonly subjectToken: string }

/**
 * With the token of a refresh that is due: what is exchanged for the one before would be dropped with it. With another one
 * where the first is not taken: the provider may have ended it before its time.
 */
const askFor = async (
  deps: ExchangeDeps,
  session: LiveSession,
  want: TokenWant,
): Promise<Asked> => {
  const askWith = async ({ accessToken: subjectToken }: TokenSet): Promise<Asked> => ({
    outcome: await ask(deps, session, { subjectToken, want }),
    subjectToken,
  })
  const subject = await deps.userTokens.renewed(session, loginsOwn)
  const asked = await askWith(subject)
  if (asked.outcome.kind !== 'subject_refused') return asked
  const other = await deps.userTokens.instead(session, loginsOwn, subject.accessToken)
  return other === undefined ? asked : await askWith(other)
}

const ask = async (
  { breaker, grant }: ExchangeDeps,
  { facts }: LiveSession,
  request: ExchangeRequest,
): Promise<ExchangeOutcome> => {
  const restMs = breaker.enter()
  if (restMs > 0)
    return {
      kind: 'unavailable',
      cause: new Error('the provider is being spared'),
      retryAfterSeconds: Math.ceil(restMs / 1_000),
    }
  const outcome = await grant(facts.principal, request)
  if (outcome.kind === 'unavailable') breaker.failed(outcome.retryAfterSeconds)
  else breaker.succeeded()
  return outcome
}

/** A token that a session's user lent must not be counted on after the session, nor after the token that it was got for. */
const boundTo = ({ absoluteLeftMs }: LiveSession, set: TokenSet, nowMs: number): TokenSet => ({
  ...set,
  exchanged: true,
  expiresAtMs: Math.min(set.expiresAtMs, nowMs + absoluteLeftMs),
})

const errorOf = (
  { log }: ExchangeDeps,
  { want, session }: ExchangeCase,
  outcome: Exclude<ExchangeOutcome, { kind: 'granted' }>,
): BrokerError => {
  if (outcome.kind === 'refused' && outcome.demand !== undefined)
    return new BrokerError('step_up_required', { stepUp: outcome.demand, cause: outcome.cause })
  if (outcome.kind !== 'unavailable')
    return grantRefusal(log, outcome, want, {
      grant: 'token_exchange',
      sub: session.facts.principal.sub,
    })
  const { cause, retryAfterSeconds = 5 } = outcome
  return new BrokerError('idp_unavailable', { cause, retryAfterSeconds })
}

const mostTries = 8

/**
 * Writes the set beside the others of the vault as it stands now: a refresh of the same session may write there too, and what
 * was exchanged for the token before it is not kept. A store that is away costs another exchange, not the call; a session that
 * ended meanwhile has no token any more.
 */
const keepSet = async (
  deps: ExchangeDeps,
  { session: { id }, want }: ExchangeCase,
  { set, subjectToken }: { readonly set: TokenSet; readonly subjectToken: string },
): Promise<void> => {
  try {
    for (let tries = 0; tries < mostTries; tries += 1) {
      const { version, content } = (await stillLive(deps, id)).vault
      if (content.sets[tokenKey(loginsOwn)]?.accessToken !== subjectToken) return
      const sets = { ...content.sets, [tokenKey(want)]: set }
      const outcome = await deps.saveVault(id, version, { ...content, sets })
      if (outcome === 'gone') throw sessionEnded('session_revoked', loginPath)
      if (outcome === 'updated') return
    }
    deps.log.warn({}, 'an exchanged token is not kept: others keep writing')
  } catch (error) {
    if (!(error instanceof BrokerError) || error.code !== 'store_unavailable') throw error
    deps.log.warn({ err: error }, 'an exchanged token is not kept')
  }
}
