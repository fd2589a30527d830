import type { AllowRule, Tenant } from '../config/config.ts'
import type { Principal } from '../core/principal.ts'
import type { ProfileName } from '../core/profiles.ts'
import type { ClaimPath } from './principal-of.ts'
import { claimAt, rolePathsOf, rolesOf, withoutClaimsElsewhere } from './principal-of.ts'
import { readJwt } from './strict-jwt.ts'
import { hasLeftTenant } from './tenant-claim.ts'

type Claims = Readonly<Record<string, unknown>>

/**
 * What an ID token says to one rule. `unproven`: the right email domain, and nobody vouches for the address.
 * `no_claim`: what the rule goes by is not there.
 */
export type RuleVerdict = 'met' | 'unmet' | 'unproven' | 'no_claim'

type Ruled = Pick<Tenant, 'allow' | 'allowedTids' | 'profile' | 'rolesClaim' | 'furtherRoles'>

type Habits = {
  readonly groupsClaim: string
  /** Whether the provider vouches that the address is this person's. */
  readonly vouches: (claims: Claims, domain: string) => boolean
  /** What makes the provider let the person be someone else. */
  readonly otherAccount: 'login' | 'select_account'
}

const usual: Habits = {
  groupsClaim: 'groups',
  vouches: (claims) => claims['email_verified'] === true,
  otherAccount: 'login',
}

const habits: Readonly<Record<ProfileName, Habits>> = {
  generic: usual,
  keycloak: usual,
  auth0: usual,
  okta: usual,
  cognito: { ...usual, groupsClaim: 'cognito:groups' },
  // Entra sends no email_verified, and whoever runs a directory writes any email into it; xms_edov is its word for "verified".
  entra: {
    ...usual,
    vouches: (claims) => entraYes.has(claims['xms_edov']),
    otherAccount: 'select_account',
  },
  // Google verifies an address once; it still speaks for it where it hosts the mail: hd is set, or gmail.com.
  google: {
    ...usual,
    vouches: (claims, domain) =>
      claims['email_verified'] === true && (isText(claims['hd']) || domain === 'gmail.com'),
    otherAccount: 'select_account',
  },
}

const entraYes: ReadonlySet<unknown> = new Set([true, 1, '1', 'true'])

/** The `prompt` by which a person who may not log in can be someone else. */
export const otherAccountPrompt = (profile: ProfileName): string => habits[profile].otherAccount

/** The claims that the rules go by. */
export const claimsOfRules = ({ allow = [], profile }: Ruled): readonly string[] => {
  const { groupsClaim } = habits[profile]
  const byKind: Readonly<Record<AllowRule['kind'], readonly string[]>> = {
    domain: ['email', 'email_verified'],
    group: [groupsClaim],
    role: [],
    tid: ['tid'],
  }
  return allow.flatMap(({ kind }) => byKind[kind])
}

/** From far to near. */
const nearness: readonly RuleVerdict[] = ['no_claim', 'unmet', 'unproven', 'met']

/** Nothing when the ID token meets one of the rules, or there are none; else how near it came by each kind, for the log. */
export const whyNotAllowed = (
  claims: Claims,
  tenant: Ruled,
): Readonly<Partial<Record<AllowRule['kind'], RuleVerdict>>> | undefined => {
  const verdicts = (tenant.allow ?? [])
    .map((rule) => [rule.kind, judgeRule(claims, rule, tenant)] as const)
    .toSorted(([, a], [, b]) => nearness.indexOf(a) - nearness.indexOf(b))
  const nearest = verdicts.at(-1)
  const isMet = nearest === undefined || nearest[1] === 'met'
  return isMet && isTenantAllowed(claims, tenant) ? undefined : Object.fromEntries(verdicts)
}

/** At an issuer that many tenants share, no other rule stands in for the tenant's: whoever owns one writes any claim into it. */
const isTenantAllowed = ({ tid }: Claims, { allowedTids }: Ruled): boolean =>
  allowedTids === undefined || (isText(tid) && allowedTids.includes(tid.toLowerCase()))

const isTenantRefused = (claims: Claims, tenant: Ruled): boolean =>
  isText(claims['tid']) && !isTenantAllowed(claims, tenant)

/**
 * Whether a later ID token contradicts every rule, or comes from a tenant that is left out. It may carry fewer claims than the
 * login's (OpenID Connect Core 1.0 section 12.2), so a claim that is not there contradicts nothing.
 */
export const isNoLongerAllowed = (claims: Claims, tenant: Ruled): boolean => {
  const rules = tenant.allow ?? []
  if (isTenantRefused(claims, tenant)) return true
  return rules.length > 0 && rules.every((rule) => judgeRule(claims, rule, tenant) === 'unmet')
}

/**
 * Whether a session from a login under other rules would be left out by those of now. The ID token that it has tells of most; of roles
 * the session, which has those of the UserInfo endpoint as well.
 */
export const isLeftOut = (
  { roles }: Pick<Principal, 'roles'>,
  idToken: string,
  tenant: Ruled & Pick<Tenant, 'tenantClaim'>,
): boolean => {
  const { allow: rules = [], tenantClaim } = tenant
  if (rules.length === 0 && tenantClaim === undefined) return false
  const claims = readJwt(idToken)?.claims
  if (claims === undefined) return false
  const isUnmet = (rule: AllowRule) =>
    rule.kind === 'role' ? !roles.includes(rule.value) : judgeRule(claims, rule, tenant) === 'unmet'
  if (isTenantRefused(claims, tenant) || hasLeftTenant(claims, idToken, tenant)) return true
  return rules.length > 0 && rules.every(isUnmet)
}

const judgeRule = (token: Claims, { kind, value }: AllowRule, tenant: Ruled): RuleVerdict => {
  const claims = withoutClaimsElsewhere(token)
  switch (kind) {
    case 'domain':
      return judgeDomain(claims, value, habits[tenant.profile])
    case 'group':
      return judgeLists(claims, [habits[tenant.profile].groupsClaim], value)
    case 'role':
      return judgeLists(claims, rolePathsOf(tenant), value)
    case 'tid':
      return isText(claims['tid']) ? metIf(claims['tid'].toLowerCase() === value) : 'no_claim'
  }
}

const judgeDomain = (claims: Claims, domain: string, { vouches }: Habits): RuleVerdict => {
  const { email } = claims
  if (!isText(email)) return 'no_claim'
  // With a second @ or a blank, two readers could find two domains.
  const [, found] = /^[^@\s]+@([^@\s]+)$/.exec(email) ?? []
  if (found?.toLowerCase() !== domain) return 'unmet'
  return vouches(claims, domain) ? 'met' : 'unproven'
}

const judgeLists = (claims: Claims, paths: readonly ClaimPath[], value: string): RuleVerdict => {
  const there = paths.filter((path) => claimAt(claims, path) !== undefined)
  if (there.length === 0) return 'no_claim'
  return metIf(there.some((path) => rolesOf(claims, path).includes(value)))
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

const metIf = (is: boolean): RuleVerdict => (is ? 'met' : 'unmet')
