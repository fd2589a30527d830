import type { Config, Requirement, Route } from '../../server/config/config.ts'
import { BrokerError } from '../../server/core/errors.ts'
import type { FailureCode } from '../../server/core/failures.ts'
import type { TenantId } from '../../server/core/ids.ts'
import { asTenantId, parseSessionId } from '../../server/core/ids.ts'
import type { Call } from '../../server/http/call.ts'
import { callerOf } from '../../server/http/caller.ts'
import { targetCheck } from '../../server/http/checked-target.ts'
import { doorTo, entrances } from '../../server/http/entrances.ts'
import { isSafeMethod, requireCsrf } from '../../server/http/csrf.ts'
import { isOwnAddress, ownEndpoints } from '../../server/http/endpoints.ts'
import { decide } from '../../server/policy/decide.ts'
import type { Verdict } from '../../server/policy/decide.ts'
import { requireTenant } from '../../server/proxy/own-tenant.ts'
import { refuseQueryToken } from '../../server/proxy/query-token.ts'
import { routeTable } from '../../server/proxy/route-table.ts'
import type { AskedCall } from './arguments.ts'
import type { Person } from './people.ts'
import type { Step } from './rule-steps.ts'
import { ruleSteps, unknownRoles } from './rule-steps.ts'
import { tokenText } from './table-text.ts'

export type Refusal = { readonly status: number; readonly code: FailureCode }

export type Explanation = {
  readonly route?: Route | undefined
  readonly steps: readonly Step[]
  /** Undefined: the call would go to the upstream, or is for the broker itself. */
  readonly refusal?: Refusal | undefined
  /** The rules hang on roles that nobody knows. */
  readonly undecided?: boolean
}

export type Case = Omit<AskedCall, 'kind'> & {
  readonly person: Person | undefined
  readonly nowSeconds: number
}

type Notes = { readonly steps: Step[]; route?: Route; undecided?: boolean }

/** One decision, step by step in the contract's order, by the very functions that judge calls. */
export const explain = (
  config: Pick<Config, 'origin' | 'tenant'>,
  routes: readonly Route[],
  asked: Case,
): Explanation => {
  const notes: Notes = { steps: [] }
  try {
    walk(config, routes, asked, notes)
    return notes
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
    return { ...notes, refusal: { status: error.status, code: error.code } }
  }
}

const walk = (
  config: Pick<Config, 'origin' | 'tenant'>,
  routes: readonly Route[],
  asked: Case,
  notes: Notes,
): void => {
  const call = callOf(config, asked)
  const step = stepper(notes)
  const { path } = step('path', () => located(config)(call), 'is canonical')
  if (isOwnAddress(path)) {
    step('route', () => requireEndpoint(path, asked), "is the broker's own address, no route's")
    return
  }
  const route = step(
    'route',
    () => routeFor(routes, path, asked),
    (found) => found.path,
  )
  notes.route = route
  step('method', () => requireMethod(route, asked), `${asked.method} is taken`)
  if (asked.target.includes('?'))
    step('query', () => refuseQueryToken(call, route), 'has no access_token, or none is sent here')
  const caller = step('site', () => requireOwnSite(config, route, call), siteText(asked))
  step('session', () => requirePerson(route, asked), sessionText(asked))
  if (asked.person !== undefined)
    step('csrf', () => requireEvidence(route, asked, caller), csrfText(route, asked))
  const at = config.tenant?.id ?? asTenantId('default')
  const { person } = asked
  if (person !== undefined || route.tenants !== undefined)
    step('tenant', () => requireTenant(at, route, person?.principal), tenantText(at, asked))
  if (route.require !== undefined) rules(config, route.require, asked, notes)
  if (notes.undecided === true) return
  step('token', () => undefined, tokenText(route, asked.person !== undefined))
}

const located = ({ origin }: Pick<Config, 'origin'>) =>
  targetCheck(entrances([doorTo({ origin, base: '' })], origin))

const tenantText = (at: TenantId, { person }: Case): string =>
  person === undefined
    ? `the call is for ${at}`
    : `is of ${person.principal.tenant}, the call is for ${at}`

/** Runs one check and notes how it went. */
const stepper =
  ({ steps }: Notes) =>
  <T>(name: string, run: () => T, says: string | ((value: T) => string)): T => {
    try {
      const value = run()
      steps.push({ name, passes: true, says: typeof says === 'string' ? says : says(value) })
      return value
    } catch (error) {
      if (error instanceof BrokerError)
        steps.push({ name, passes: false, says: error.info.detail ?? reasons[error.code] ?? '' })
      throw error
    }
  }

const reasons: Partial<Record<FailureCode, string>> = {
  unknown_host: 'the target names another host: give path and query alone',
  method_not_allowed: 'this method is taken nowhere',
  no_route: 'no route has this path; a navigation gets a page of the app',
  cross_site: "the calling page is neither the app's nor of an origin in cors",
  login_required: 'nobody is logged in, and the route needs a session',
  csrf_missing: 'the CSRF token is missing',
}

const callOf = ({ origin }: Pick<Config, 'origin'>, asked: Case): Call => {
  const { host } = new URL(origin)
  const from =
    asked.origin === undefined
      ? { 'sec-fetch-site': 'same-origin', ...(asked.websocket && { origin }) }
      : { origin: asked.origin }
  return {
    method: asked.method,
    url: asked.target,
    headers: { host, ...from },
    rawHeaders: ['Host', host],
  }
}

const requireEndpoint = (path: string, { method, websocket }: Case): void => {
  const allow = ownEndpoints.get(path)
  if (websocket) throw new BrokerError('no_route', { detail: 'No WebSocket is here.' })
  if (allow !== undefined && !allow.includes(method))
    throw new BrokerError('method_not_allowed', { allow, detail: `takes ${allow.join(', ')}` })
}

const routeFor = (routes: readonly Route[], path: string, { websocket }: Case): Route => {
  const route = routeTable(routes)(path)
  if (route === undefined) throw new BrokerError('no_route')
  if (websocket && !route.websocket)
    throw new BrokerError('no_route', { detail: `${route.path} takes no WebSockets` })
  return route
}

const requireMethod = ({ methods }: Route, { method, websocket }: Case): void => {
  const allow = websocket ? ['GET'] : methods
  if (allow?.includes(method) === false || methods?.includes(method) === false)
    throw new BrokerError('method_not_allowed', { detail: `takes ${(allow ?? []).join(', ')}` })
}

const requireOwnSite = ({ origin }: Pick<Config, 'origin'>, route: Route, call: Call) => {
  const caller = callerOf(call, origin, route.cors)
  if (caller === 'foreign') throw new BrokerError('cross_site')
  return caller
}

const siteText = ({ origin }: Case): string => `called from ${origin ?? 'the app itself'}`

const requirePerson = (route: Route, { person }: Case): void => {
  if (person === undefined && !route.public) throw new BrokerError('login_required')
}

const sessionText = ({ person }: Case): string =>
  person === undefined ? 'none, and none is needed' : `of ${person.principal.sub}`

const someSession = parseSessionId('0'.repeat(43))

/** The token of a page of the app is right: whether a call brings one is all that can be asked here. */
const requireEvidence = (
  route: Route,
  { method, csrf, websocket }: Case,
  caller: ReturnType<typeof callerOf>,
): void => {
  if (!route.csrf || websocket || someSession === undefined) return
  const hash = { of: () => '', matches: () => true }
  requireCsrf(hash, { method, caller, token: csrf ? 'sent' : undefined, sessionId: someSession })
}

const csrfText = (route: Route, { method, websocket }: Case): string => {
  if (!route.csrf) return 'is not asked for here'
  if (websocket) return 'the Origin stands in for it'
  return isSafeMethod(method) ? `is not needed for ${method}` : 'the call brings the token'
}

const rules = (
  { tenant }: Pick<Config, 'tenant'>,
  requirement: Requirement,
  { method, websocket, person, nowSeconds }: Case,
  notes: Notes,
): void => {
  if (person === undefined) throw new BrokerError('login_required')
  const isSafe = isSafeMethod(method)
  const facts = {
    reads: isSafe,
    writes: websocket || !isSafe,
    nowSeconds,
    scopes: requirement.scopes && person.scopes,
    tenant: tenant?.id ?? asTenantId('default'),
  }
  const { roles } = requirement
  if (roles !== undefined && person.areRolesUnknown === true) {
    notes.undecided = true
    notes.steps.push(unknownRoles(roles, facts))
    return
  }
  const verdict: Verdict = decide(person.principal, requirement, facts)
  notes.steps.push(...ruleSteps(verdict, requirement, { ...facts, principal: person.principal }))
  if (verdict.kind === 'deny') throw new BrokerError(verdict.code)
}
