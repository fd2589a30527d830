import type { Requirement } from '../../server/config/config.ts'
import type { Principal } from '../../server/core/principal.ts'
import type { Facts, Verdict } from '../../server/policy/decide.ts'

export type Step = {
  readonly name: string
  /** Undefined: it hangs on what nobody said. */
  readonly passes: boolean | undefined
  readonly says: string
}

type Judged = Facts & { readonly principal: Principal }

type Rule = {
  readonly name: string
  /** The denials that are this rule's. */
  readonly reasons: readonly string[]
  readonly says: string
}

/** The verdict as one line per rule that stands there: those before the one that refuses have passed. */
export const ruleSteps = (
  verdict: Verdict,
  requirement: Requirement,
  judged: Judged,
): readonly Step[] => {
  const rules = rulesOf(requirement, judged)
  if (verdict.kind === 'allow') return rules.map(({ name, says }) => ({ name, says, passes: true }))
  const at = rules.findIndex(({ reasons }) => reasons.includes(verdict.reason))
  return rules.slice(0, at + 1).map(({ name, says }, i) => ({
    name,
    says: i === at ? `${says} (${verdict.reason})` : says,
    passes: i !== at,
  }))
}

/** The rule that cannot be judged of somebody whose roles nobody knows. */
export const unknownRoles = (
  roles: NonNullable<Requirement['roles']>,
  facts: Pick<Facts, 'reads' | 'writes'>,
): Step => ({
  name: 'roles',
  passes: undefined,
  says: `unknown: say it by --roles; asks for ${rolesText(roles, facts)}`,
})

/** In the order of `decide`. */
const rulesOf = (asks: Requirement, { principal, ...facts }: Judged): readonly Rule[] => {
  const { roles, scopes, acr, maxAgeSeconds } = asks
  const rules: (Rule | undefined)[] = [
    roles && {
      name: 'roles',
      reasons: ['none_of_any', 'not_all', 'none_of_read', 'none_of_write'],
      says: `has ${listed(principal.roles)}; asks for ${rolesText(roles, facts)}`,
    },
    scopes && {
      name: 'scopes',
      reasons: ['scopes_unknown', 'scope_missing'],
      says: `the token's are ${facts.scopes === undefined ? 'unknown: say it by --scopes' : listed(facts.scopes)}; asks for ${listed(scopes)}`,
    },
    acr && {
      name: 'acr',
      reasons: ['acr_unknown', 'acr_other'],
      says: `the login's is ${principal.acr ?? 'unknown: say it by --acr'}; asks for one of ${listed(acr)}`,
    },
    maxAgeSeconds === undefined
      ? undefined
      : {
          name: 'max_age',
          reasons: ['auth_time_unknown', 'auth_time_ahead', 'login_too_old'],
          says: `the login is ${ageText(principal, facts)}; asks for ${maxAgeSeconds} s at most`,
        },
  ]
  return rules.filter((rule) => rule !== undefined)
}

const listed = (words: readonly string[]): string =>
  words.length === 0 ? 'none' : words.join(', ')

const ageText = ({ authTimeSeconds }: Principal, { nowSeconds }: Facts): string =>
  authTimeSeconds === undefined
    ? 'of an unknown age: say it by --age'
    : `${nowSeconds - authTimeSeconds} s old`

const rolesText = (
  { any, all, read, write }: NonNullable<Requirement['roles']>,
  { reads, writes }: Pick<Facts, 'reads' | 'writes'>,
): string =>
  [
    any && `one of ${listed(any)}`,
    all && `all of ${listed(all)}`,
    reads && read && `to read, one of ${listed(read)}`,
    writes && write && `to write, one of ${listed(write)}`,
  ]
    .filter((part) => typeof part === 'string')
    .join('; ') || 'nothing for this method'
