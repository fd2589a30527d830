import { parse } from 'yaml'
import { z } from 'zod'
import type { Config } from '../../server/config/config.ts'
import type { Principal } from '../../server/core/principal.ts'
import { asIssuer, asSub, asTenantId } from '../../server/core/ids.ts'
import { findAccount } from '../../server/demo/accounts.ts'
import type { AskedCall, PersonFacts } from './arguments.ts'
import { UsageError } from './arguments.ts'

/** Somebody as a login would have made them, and what their token was granted. */
export type Person = {
  readonly principal: Principal
  /** Undefined: nobody said. */
  readonly scopes: readonly string[] | undefined
  /** Roles come with a login: nobody said which. */
  readonly areRolesUnknown?: boolean
}

export type RunPowers = { readonly readFile: (path: string) => string; readonly nowMs: number }

const factsSchema = z.strictObject({
  roles: z.array(z.string()).optional(),
  scopes: z.array(z.string()).optional(),
  tenant: z.string().optional(),
  acr: z.string().optional(),
  age: z.int().min(0).optional(),
})
const peopleSchema = z.record(z.string(), factsSchema)

/**
 * Who `--as` names: by the flags, by `--people`, or one of the demo's accounts. What roles somebody has, only a login tells; so
 * a name of which nothing is known is not taken for somebody without roles.
 */
export const findPerson = (
  config: Config,
  { as, said, people }: AskedCall,
  powers: RunPowers,
): Person | undefined => {
  const isSaid = Object.values(said).some((fact) => fact !== undefined)
  if (as === undefined && !isSaid) return undefined
  const name = as ?? 'somebody'
  const known = people === undefined ? demoFacts(config, name) : fileFacts(people, name, powers)
  if (known === undefined && !isSaid) requireStranger(config, name, people)
  // A file that has somebody without roles says that there are none.
  const facts: PersonFacts = { ...(known && { roles: [], ...known }), ...given(said) }
  return personOf(config, name, facts, powers.nowMs)
}

/** What was really said: an absent flag must not take a fact away. */
const given = (facts: PersonFacts): PersonFacts =>
  Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined))

/** Somebody of whom nothing is known, where others are known, is a slip of the pen. */
const requireStranger = (config: Config, name: string, people: string | undefined): void => {
  if (people !== undefined) throw new UsageError(`${name} is not in ${people}.`)
  if (config.tenant === undefined) throw new UsageError(`${name} has no account at the demo.`)
}

/** What to do where a decision hangs on roles that nobody knows. */
export const rolesUnknown = ({ as: name = 'somebody' }: Pick<AskedCall, 'as'>): string =>
  `Nobody knows what ${name} may: roles come with a login. Say it by --roles (--roles '' for none), or in a file by --people.\n`

/** The demo's people are those of a development without a provider of its own. */
const demoFacts = ({ tenant }: Config, name: string): PersonFacts | undefined => {
  const account = tenant === undefined ? findAccount(name) : undefined
  return account && { roles: account.roles, scopes: ['openid', 'profile', 'email'], ageSeconds: 0 }
}

const fileFacts = (
  path: string,
  name: string,
  { readFile }: RunPowers,
): PersonFacts | undefined => {
  const people = peopleSchema.safeParse(contentOf(path, readFile))
  if (!people.success) throw new UsageError(`${path}: ${z.prettifyError(people.error)}`)
  if (!Object.hasOwn(people.data, name)) return undefined
  const { age, ...facts } = people.data[name] ?? {}
  return { ...facts, ageSeconds: age }
}

const contentOf = (path: string, readFile: RunPowers['readFile']): unknown => {
  try {
    return parse(readFile(path))
  } catch {
    throw new UsageError(`${path} cannot be read as YAML or JSON.`)
  }
}

const personOf = (
  { tenant }: Config,
  name: string,
  { roles, scopes, tenant: own, acr, ageSeconds }: PersonFacts,
  nowMs: number,
): Person => ({
  scopes,
  areRolesUnknown: roles === undefined,
  principal: {
    issuer: asIssuer(tenant?.issuer ?? 'the demo'),
    sub: asSub(name),
    tenant: asTenantId(own ?? tenant?.id ?? 'default'),
    roles: roles ?? [],
    claims: {},
    acr,
    authTimeSeconds: ageSeconds === undefined ? undefined : Math.floor(nowMs / 1_000) - ageSeconds,
  },
})
