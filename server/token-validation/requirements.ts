import type { AccessToken } from './access-token.ts'

/** Roles by name: a list means one of them. `read` is for GET, HEAD and OPTIONS, `write` for all other methods. */
export type RoleRules = {
  readonly any?: readonly string[] | undefined
  readonly all?: readonly string[] | undefined
  readonly read?: readonly string[] | undefined
  readonly write?: readonly string[] | undefined
}

export type Requirements = {
  /** One of these, or rules. */
  readonly roles?: readonly string[] | RoleRules | undefined
  /** All of these. */
  readonly scopes?: readonly string[] | undefined
  /** The token has to name this tenant. */
  readonly tenant?: string | undefined
}

export type Lacking = 'forbidden_tenant' | 'forbidden_role' | 'insufficient_scope'

const safeMethods = ['GET', 'HEAD', 'OPTIONS']

/** What a token lacks, the gravest first; undefined: nothing. An empty list of roles is nobody's. */
export const lacking = (
  { tenants, roles, scopes }: Pick<AccessToken, 'tenants' | 'roles' | 'scopes'>,
  required: Requirements,
  method: string,
): Lacking | undefined => {
  if (required.tenant !== undefined && !tenants.includes(required.tenant)) return 'forbidden_tenant'
  if (!hasRoles(roles, rulesOf(required.roles), safeMethods.includes(method)))
    return 'forbidden_role'
  const hasScopes = (required.scopes ?? []).every((scope) => scopes.includes(scope))
  return hasScopes ? undefined : 'insufficient_scope'
}

const isList = (value: unknown): value is readonly string[] => Array.isArray(value)

const rulesOf = (roles: Requirements['roles'] = {}): RoleRules =>
  isList(roles) ? { any: roles } : roles

const hasRoles = (held: readonly string[], rules: RoleRules, isSafe: boolean): boolean => {
  const { any, all, read, write } = rules
  const oneOf = (list: readonly string[] | undefined) =>
    list === undefined || list.some((role) => held.includes(role))
  const everyOne = all === undefined || all.every((role) => held.includes(role))
  return oneOf(any) && everyOne && oneOf(isSafe ? read : write)
}
