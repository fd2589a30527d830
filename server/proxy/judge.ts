import type { Requirement, Route } from '../config/config.ts'
import { BrokerError, stepUpOf } from '../core/errors.ts'
import type { RecordId, SessionId, TenantId } from '../core/ids.ts'
import type { Principal } from '../core/principal.ts'
import type { StepUpDemand } from '../core/step-up.ts'
import type { TokenSet, TokenWant } from '../core/token-set.ts'
import type { Call } from '../http/call.ts'
import { callerOf } from '../http/caller.ts'
import type { Caller } from '../http/caller.ts'
import { loginPath } from '../http/endpoints.ts'
import { requireCsrf, sentCsrfToken } from '../http/csrf.ts'
import type { KeyedHash } from '../http/keyed-hash.ts'
import type { LiveSession, SessionState } from '../session/records.ts'
import { sessionEnded } from '../session/ended.ts'
import type { FreshTokens } from '../session/fresh-tokens.ts'
import type { Counted } from './limits.ts'
import { requireTenant } from './own-tenant.ts'
import { refuseQueryToken } from './query-token.ts'
import type { WantOf } from './token-want.ts'

export type JudgeDeps = {
  readonly origin: string
  /** Where the call came in. */
  readonly tenant: TenantId
  readonly hash: KeyedHash
  readonly readCookie: (cookieHeader: string | undefined) => SessionId | undefined
  /** Reads and slides; rejects with `store_unavailable`. */
  readonly readSession: (id: SessionId) => Promise<SessionState> | LiveSession
  readonly wantOf: WantOf
  readonly freshToken: FreshTokens['fresh']
  readonly insteadToken: FreshTokens['instead']
  /** Passes what the rules of a route allow; rejects with `forbidden_…`, `insufficient_scope` or `step_up_required`. */
  readonly requirePolicy: (asked: {
    readonly call: Call
    readonly route: Route
    readonly requirement: Requirement
    readonly session: LiveSession | undefined
    readonly bothWays: boolean
  }) => Promise<void>
  /** The refusal of a call whose login is too weak. */
  readonly askStepUp: (
    call: Call,
    session: LiveSession,
    demand: StepUpDemand,
  ) => Promise<BrokerError>
  /** Rejects with `too_many_requests`. */
  readonly limit: (call: Counted, session: LiveSession | undefined) => Promise<void>
}

/** A call that may go to the upstream, with the token it goes with. */
export type Admitted = {
  readonly principal: Principal | undefined
  /** The session whose end is the end of the call; undefined: a call that needs none. */
  readonly recordId: RecordId | undefined
  readonly token: TokenSet | undefined
  /** For an upstream that calls this token invalid. */
  readonly insteadToken: (() => Promise<TokenSet | undefined>) | undefined
  /** For an upstream that calls the login too weak: the refusal that the browser gets. */
  readonly askStepUp: ((demand: StepUpDemand) => Promise<BrokerError>) | undefined
}

/**
 * Judges a call in the contract's order: method, site, session, CSRF, policy, size and limits, token; throws the first refusal.
 * The order is the security model: nothing is looked up for another site's call, no token is fetched for a forged one.
 */
export const judge =
  (deps: JudgeDeps) =>
  async (req: Call, route: Route, counted?: Counted): Promise<Admitted> => {
    requireMethod(req, route)
    refuseQueryToken(req, route)
    const caller = callerOf(req, deps.origin, route.cors)
    if (caller === 'foreign') throw new BrokerError('cross_site')
    const id = sessionIdOf(deps, req, route)
    const session = id && liveSession(await deps.readSession(id), route)
    if (session !== undefined && route.csrf)
      requireCsrf(deps.hash, {
        method: req.method,
        caller,
        token: sentCsrfToken(req),
        sessionId: session.id,
      })
    requireTenant(deps.tenant, route, session?.facts.principal)
    const { require: requirement } = route
    if (requirement !== undefined)
      await deps.requirePolicy({ call: req, route, requirement, session, bothWays: false })
    requireSize(req, route)
    if (counted !== undefined) await deps.limit(counted, session)
    return admitted(deps, await withToken(deps, { req, route, session }))
  }

/**
 * The same for a WebSocket of a route that has them (RFC 6455 section 4.1).
 * It can carry no CSRF header: its `Origin` must be there, and ours.
 */
export const judgeUpgrade =
  (deps: JudgeDeps) =>
  async (req: Call, route: Route, counted?: Counted): Promise<Admitted> => {
    if (!route.websocket) throw new BrokerError('no_route', { detail: 'No WebSocket is here.' })
    if (req.method !== 'GET') throw new BrokerError('method_not_allowed', { allow: ['GET'] })
    requireMethod(req, route)
    refuseQueryToken(req, route)
    const caller: Caller = callerOf(req, deps.origin, route.cors)
    if (caller === 'foreign') throw new BrokerError('cross_site')
    const id = sessionIdOf(deps, req, route)
    const session = id && liveSession(await deps.readSession(id), route)
    if (req.headers.origin === undefined)
      throw new BrokerError('csrf_missing', {
        detail: 'A WebSocket upgrade needs the Origin header.',
      })
    requireTenant(deps.tenant, route, session?.facts.principal)
    const { require: requirement } = route
    if (requirement !== undefined)
      await deps.requirePolicy({ call: req, route, requirement, session, bothWays: true })
    if (counted !== undefined) await deps.limit(counted, session)
    return admitted(deps, await withToken(deps, { req, route, session }))
  }

/** Without a list every method passes but TRACE, TRACK and CONNECT, which the front door refuses. */
const requireMethod = (req: Call, { methods }: Route): void => {
  if (methods !== undefined && !methods.includes(req.method ?? ''))
    throw new BrokerError('method_not_allowed', { allow: methods })
}

/** Undefined only where the route needs no session. */
const sessionIdOf = ({ readCookie }: JudgeDeps, req: Call, route: Route): SessionId | undefined => {
  const id = readCookie(req.headers.cookie)
  if (id !== undefined || route.public) return id
  throw new BrokerError('login_required', { loginUrl: loginPath })
}

const liveSession = (state: SessionState, route: Route): LiveSession | undefined => {
  if (state.kind === 'live') return state
  if (route.public) return undefined
  throw sessionEnded(state.kind === 'ended' ? state.reason : 'missing', loginPath)
}

const requireSize = (req: Call, route: Route): void => {
  if (Number(req.headers['content-length'] ?? 0) > route.bodyLimitBytes)
    throw new BrokerError('body_too_large', {
      detail: `This route takes bodies of up to ${route.bodyLimitBytes} bytes.`,
    })
}

type Passed = {
  readonly req: Call
  readonly route: Route
  readonly session: LiveSession | undefined
}

type Judged = Passed & {
  readonly want?: TokenWant | undefined
  readonly token?: TokenSet | undefined
}

/** A session that turns out to be over when its token is wanted is none, where none is needed. */
const withToken = async (deps: JudgeDeps, passed: Passed): Promise<Judged> => {
  const { session, route } = passed
  const want = deps.wantOf(route)
  if (session === undefined || want === undefined) return passed
  try {
    return { ...passed, want, token: await deps.freshToken(session, want) }
  } catch (error) {
    if (route.public && isSessionOver(error)) return { ...passed, session: undefined }
    throw await withWay(deps, passed.req, session)(error)
  }
}

/** A token that waits for a login, with the way to that login from this call. */
const withWay =
  ({ askStepUp }: JudgeDeps, req: Call, session: LiveSession) =>
  async (error: unknown): Promise<unknown> => {
    const demand = stepUpOf(error)
    return demand === undefined ? error : await askStepUp(req, session, demand)
  }

const isSessionOver = (error: unknown): boolean =>
  error instanceof BrokerError &&
  (error.code === 'session_expired' || error.code === 'session_revoked')

const admitted = (deps: JudgeDeps, { req, route, session, want, token }: Judged): Admitted => {
  const principal = session?.facts.principal
  if (session === undefined || want === undefined || token === undefined)
    return {
      principal,
      recordId: route.public ? undefined : session?.recordId,
      token: undefined,
      insteadToken: undefined,
      askStepUp: undefined,
    }
  return {
    principal,
    recordId: session.recordId,
    token,
    insteadToken: async () => {
      try {
        return await deps.insteadToken(session, want, token.accessToken)
      } catch (error) {
        throw await withWay(deps, req, session)(error)
      }
    },
    askStepUp: (demand) => deps.askStepUp(req, session, demand),
  }
}
