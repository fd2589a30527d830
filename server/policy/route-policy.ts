import type { Requirement, Route } from '../config/config.ts'
import { BrokerError, stepUpOf } from '../core/errors.ts'
import type { TenantId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { StepUpDemand } from '../core/step-up.ts'
import type { Call } from '../http/call.ts'
import { isSafeMethod } from '../http/csrf.ts'
import { loginPath } from '../http/endpoints.ts'
import { requestIdOf } from '../http/request-id.ts'
import type { LiveSession } from '../session/records.ts'
import { decide } from './decide.ts'

export type RoutePolicyDeps = {
  readonly log: Log
  readonly nowMs: () => number
  readonly tenant: TenantId
  /** The scopes of the token that a call to the route carries, as one text; undefined: the provider never said. */
  readonly grantedScope: (session: LiveSession, route: Route) => Promise<string | undefined>
  /** The refusal of a login that is too weak, with the way to a stronger one. */
  readonly askStepUp: (
    call: Call,
    session: LiveSession,
    demand: StepUpDemand,
  ) => Promise<BrokerError>
}

export type PolicyCase = {
  readonly call: Call
  readonly route: Route
  readonly requirement: Requirement
  readonly session: LiveSession | undefined
  /** A WebSocket: what goes through it can change things, whatever its method. */
  readonly bothWays: boolean
}

/** Passes a call that the rules of its route allow; throws `forbidden_…`, `insufficient_scope` or `step_up_required`. */
export const routePolicy =
  (deps: RoutePolicyDeps) =>
  async ({ call, route, requirement, session, bothWays }: PolicyCase): Promise<void> => {
    if (session === undefined) throw new BrokerError('login_required', { loginUrl: loginPath })
    const isSafe = isSafeMethod(call.method)
    const { principal } = session.facts
    const facts = {
      reads: isSafe,
      writes: bothWays || !isSafe,
      nowSeconds: Math.floor(deps.nowMs() / 1_000),
      scopes: undefined,
      tenant: deps.tenant,
    }
    // Scopes may have to be asked for: not on behalf of somebody whom the rules before refuse anyway.
    const before = decide(principal, { roles: requirement.roles }, facts)
    const isNext = before.kind === 'allow' && requirement.scopes !== undefined
    const scopes = isNext ? words(await scopeOf(deps, { call, route, session })) : undefined
    const verdict = decide(principal, requirement, { ...facts, scopes })
    if (verdict.kind === 'allow') return
    const { code, reason } = verdict
    const { roles, acr, authTimeSeconds, sub } = principal
    deps.log.info(
      {
        code,
        reason,
        route: route.path,
        method: call.method,
        request_id: requestIdOf(call),
        sub,
        asks: requirement,
        has: { roles, scopes, acr, authTimeSeconds },
      },
      'refused by the rules of its route',
    )
    if (verdict.code === 'step_up_required')
      throw await deps.askStepUp(call, session, verdict.demand)
    throw new BrokerError(verdict.code)
  }

/** A token that is got for the first time here may take a login to get. */
const scopeOf = async (
  deps: RoutePolicyDeps,
  { call, route, session }: Pick<PolicyCase, 'call' | 'route'> & { readonly session: LiveSession },
): Promise<string | undefined> => {
  try {
    return await deps.grantedScope(session, route)
  } catch (error) {
    const demand = stepUpOf(error)
    throw demand === undefined ? error : await deps.askStepUp(call, session, demand)
  }
}

const words = (text: string | undefined): readonly string[] | undefined =>
  text?.split(' ').filter((word) => word !== '')
