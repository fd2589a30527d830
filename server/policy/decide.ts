import type { Requirement } from '../config/config.ts'
import type { TenantId } from '../core/ids.ts'
import type { Principal } from '../core/principal.ts'
import type { StepUpDemand } from '../core/step-up.ts'

/** What is known of a call besides whose it is. */
export type Facts = {
  readonly reads: boolean
  readonly writes: boolean
  readonly nowSeconds: number
  /** Of the token that would go along; undefined: nobody knows. */
  readonly scopes: readonly string[] | undefined
  /** The tenant that the call was addressed to. */
  readonly tenant: TenantId
}

export type Denial =
  | { readonly code: 'forbidden_tenant'; readonly reason: 'other_tenant' }
  | {
      readonly code: 'forbidden_role'
      readonly reason: 'none_of_any' | 'not_all' | 'none_of_read' | 'none_of_write'
    }
  | { readonly code: 'insufficient_scope'; readonly reason: 'scopes_unknown' | 'scope_missing' }
  | {
      readonly code: 'step_up_required'
      readonly reason:
        'acr_unknown' | 'acr_other' | 'auth_time_unknown' | 'auth_time_ahead' | 'login_too_old'
      readonly demand: StepUpDemand
    }

export type Verdict = { readonly kind: 'allow' } | ({ readonly kind: 'deny' } & Denial)

/**
 * Whether a route's rules let this person's call pass; the first rule that does not, in the contract's order.
 * A fact that a rule asks for and that is not there is a no.
 */
export const decide = (principal: Principal, requirement: Requirement, facts: Facts): Verdict => {
  if (principal.tenant !== facts.tenant)
    return { kind: 'deny', code: 'forbidden_tenant', reason: 'other_tenant' }
  const role = missingRole(principal.roles, requirement, facts)
  if (role !== undefined) return { kind: 'deny', code: 'forbidden_role', reason: role }
  const scope = missingScope(requirement, facts)
  if (scope !== undefined) return { kind: 'deny', code: 'insufficient_scope', reason: scope }
  const weakness = weakLogin(principal, requirement, facts)
  if (weakness === undefined) return { kind: 'allow' }
  return {
    kind: 'deny',
    code: 'step_up_required',
    reason: weakness,
    // Both, whichever of them failed: a login that answers one must not fail the other.
    demand: { acrValues: requirement.acr, maxAgeSeconds: requirement.maxAgeSeconds },
  }
}

type Reason<C extends Denial['code']> = Extract<Denial, { code: C }>['reason']

const missingRole = (
  held: readonly string[],
  { roles = {} }: Requirement,
  { reads, writes }: Facts,
): Reason<'forbidden_role'> | undefined => {
  const has = (role: string) => held.includes(role)
  const hasOne = (list: readonly string[] | undefined) => list === undefined || list.some(has)
  if (!hasOne(roles.any)) return 'none_of_any'
  if (roles.all?.every(has) === false) return 'not_all'
  if (reads && !hasOne(roles.read)) return 'none_of_read'
  return writes && !hasOne(roles.write) ? 'none_of_write' : undefined
}

const missingScope = (
  { scopes: asked }: Requirement,
  { scopes: granted }: Facts,
): Reason<'insufficient_scope'> | undefined => {
  if (asked === undefined) return undefined
  if (granted === undefined) return 'scopes_unknown'
  return asked.every((scope) => granted.includes(scope)) ? undefined : 'scope_missing'
}

/** `auth_time` is in whole seconds. */
const roundingSeconds = 1
/** A provider's clock may be ahead of ours as far as `iat` may; beyond that, its logins would never grow old. */
const aheadSeconds = 30

const weakLogin = (
  { acr, authTimeSeconds }: Principal,
  { acr: levels, maxAgeSeconds }: Requirement,
  { nowSeconds }: Facts,
): Reason<'step_up_required'> | undefined => {
  if (levels !== undefined && acr === undefined) return 'acr_unknown'
  if (levels !== undefined && acr !== undefined && !levels.includes(acr)) return 'acr_other'
  if (maxAgeSeconds === undefined) return undefined
  if (authTimeSeconds === undefined) return 'auth_time_unknown'
  if (authTimeSeconds > nowSeconds + aheadSeconds) return 'auth_time_ahead'
  // So that what is no number is too old.
  const isYoung = nowSeconds - authTimeSeconds <= maxAgeSeconds + roundingSeconds
  return isYoung ? undefined : 'login_too_old'
}
