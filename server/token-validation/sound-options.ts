import { profiles } from '../core/profiles.ts'
import { isJsonObject } from '../core/json-object.ts'
import type { DpopOptions } from './possession.ts'
import type { RequireOptions } from './options.ts'
import type { RoleRules } from './requirements.ts'

/** What an option takes, in words, and whether a value is that. */
type Check = readonly [takes: string, holds: (value: unknown) => boolean]
type Checks<T> = Readonly<Record<keyof T, Check>>

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''
const listOf =
  (isItem: (item: unknown) => boolean, least = 1) =>
  (value: unknown): boolean =>
    Array.isArray(value) && value.length >= least && value.every(isItem)
const oneOrList = (isItem: (item: unknown) => boolean) => (value: unknown) =>
  isItem(value) || listOf(isItem)(value)
/** By type too: a text from the environment would be put behind another number instead of added to it. */
const between = (least: number, most: number) => (value: unknown) =>
  typeof value === 'number' && value >= least && value <= most
const oneOf = (values: readonly string[]) => (value: unknown) => values.some((one) => one === value)
const isTruth = (value: unknown) => typeof value === 'boolean'
const isFunction = (value: unknown) => typeof value === 'function'

/** RFC 6749 section 3.3. */
const isScope = (value: unknown) => isText(value) && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(value)
/** What fits between the quotes of a challenge (RFC 9110 section 5.6.4). */
const isRealm = (value: unknown) => isText(value) && /^[\x20\x21\x23-\x5b\x5d-\x7e]+$/.test(value)
const isPath = oneOrList(isText)

const isOrigin = (value: unknown): boolean => {
  if (!isText(value) || !URL.canParse(value)) return false
  const { protocol, href, origin } = new URL(value)
  return /^https?:$/.test(protocol) && href === `${origin}/`
}

const anyRoles: Check = ['a list of roles', listOf(isText, 0)]
const roleChecks: Checks<RoleRules> = {
  any: anyRoles,
  all: ['a list of roles, one at least', listOf(isText)],
  read: anyRoles,
  write: anyRoles,
}
const areRoles = (value: unknown): boolean => {
  if (Array.isArray(value)) return listOf(isText, 0)(value)
  return (
    isJsonObject(value) && Object.keys(value).length > 0 && unsound(value, roleChecks) === undefined
  )
}

const algorithms: Check = ['a list of algorithms', listOf(isText)]

const dpopChecks: Checks<DpopOptions> = {
  required: ['true or false', isTruth],
  origin: ['an origin such as https://orders.example, or a list of them', oneOrList(isOrigin)],
  algorithms,
  maxAgeSeconds: ['seconds, 1 to 600', between(1, 600)],
  remember: ['a function', isFunction],
}

const checks: Checks<RequireOptions> = {
  issuer: ['the issuer, as its tokens have it', isText],
  audience: ['the name of this service, or a list of names', oneOrList(isText)],
  scopes: ['a list of scopes, one at least, each a word', listOf(isScope)],
  roles: ['a list of roles, or any, all, read and write with a list each', areRoles],
  tenant: ['the name of a tenant', isText],
  profile: [`one of ${Object.keys(profiles).join(', ')}`, oneOf(Object.keys(profiles))],
  typ: ['at+jwt or compat', oneOf(['at+jwt', 'compat'])],
  algorithms,
  rolesClaim: ['a path by dots, or a list of paths', oneOrList(isPath)],
  tenantClaim: ['a path by dots', isText],
  jwksUri: ['an address', isText],
  discoveryUrl: ['an address', isText],
  allowHttp: ['true or false', isTruth],
  clockToleranceSeconds: ['seconds, 0 to 300', between(0, 300)],
  timeoutMs: ['milliseconds, 1 to 600000', between(1, 600_000)],
  dpop: ['an object with origin', isJsonObject],
  realm: ['printable ASCII without quotes', isRealm],
  onRefused: ['a function', isFunction],
  fetch: ['a function', isFunction],
  nowMs: ['a function', isFunction],
}

/**
 * Throws for options that protect nothing, or not what they seem to: a misspelt one is no rule at all, and `roles: 'admin'` would be
 * none either. Types tell only those who compile.
 */
export const requireSound = (options: unknown): void => {
  const given = isJsonObject(options) ? options : {}
  const { issuer, audience, dpop } = given
  const wrong =
    unsound({ ...given, issuer: issuer ?? '', audience: audience ?? '' }, checks) ??
    (isJsonObject(dpop)
      ? unsound({ ...dpop, origin: dpop['origin'] ?? '' }, dpopChecks)
      : undefined)
  if (wrong !== undefined) throw new TypeError(wrong)
}

/** The first that is wrong; an option that is undefined is not there. */
const unsound = (
  given: Readonly<Record<string, unknown>>,
  known: Readonly<Record<string, Check>>,
): string | undefined => {
  for (const [name, value] of Object.entries(given)) {
    const check = Object.hasOwn(known, name) ? known[name] : undefined
    if (check === undefined) return `${name} is no option: ${Object.keys(known).join(', ')}`
    const [takes, holds] = check
    if (value !== undefined && !holds(value)) return `${name} takes ${takes}`
  }
  return undefined
}
