import assert from 'node:assert/strict'
import process from 'node:process'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Route } from '../../server/config/config.ts'
import { asTenantId } from '../../server/core/ids.ts'
import type { Answer } from '../support/browser.ts'
import type { TenantName, TenantsWorld } from '../support/tenants.ts'
import { startTenants, tenantNames } from '../support/tenants.ts'
import { route } from '../support/world.ts'

/** `MATRIX_SEED` runs one again. */
const seed = Number(process.env['MATRIX_SEED'] ?? Date.now() % 2 ** 31)
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'] as const
const roles = ['reader', 'writer', 'admin']

type Rule = Pick<Route, 'path' | 'methods' | 'public' | 'csrf' | 'token' | 'require' | 'tenants'>

const someRoles = fc.subarray(roles, { minLength: 1 })
const maybe = <T>(one: fc.Arbitrary<T>) => fc.option(one, { nil: undefined, freq: 2 })
const requirement = fc
  .record({
    any: maybe(someRoles),
    all: maybe(someRoles),
    read: maybe(someRoles),
    write: maybe(someRoles),
  })
  .filter((rules) => Object.values(rules).some((rule) => rule !== undefined))
  .map((rules) => ({ roles: rules }))

const rule = (path: string): fc.Arbitrary<Rule> =>
  fc
    .record({
      path: fc.constant(path),
      tenants: maybe(fc.subarray(tenantNames.map(asTenantId), { minLength: 1 })),
      methods: maybe(fc.subarray([...methods], { minLength: 1 })),
      csrf: fc.boolean(),
      public: fc.boolean(),
      optional: fc.boolean(),
      require: maybe(requirement),
    })
    .map(({ optional, require, ...rest }) => ({
      ...rest,
      token: rest.public
        ? optional
          ? ('optional' as const)
          : ('none' as const)
        : ('user' as const),
      require: rest.public ? undefined : require,
    }))

/** Each second one lies below the one before it. */
const paths = Array.from({ length: 12 }, (_one, i) => (i % 2 === 0 ? `/r/${i}` : `/r/${i - 1}/in`))

type Person = {
  readonly name: string
  readonly home: TenantName
  readonly roles: readonly string[]
  readonly session: string
  readonly csrf: string
  readonly token: string
}

type Case = {
  readonly id: string
  readonly person: Person | undefined
  readonly at: TenantName
  readonly path: string
  readonly method: (typeof methods)[number]
  /** `other`: the right one of somebody else. */
  readonly csrf: 'none' | 'own' | 'other'
}

type Expected = {
  readonly status: number
  readonly code?: string
  readonly token?: string | undefined
}

/** What the contract says of a call, worked out from the rules alone. */
const oracle = (rules: readonly Rule[], { person, at, path, method, csrf }: Case): Expected => {
  const found = rules
    .filter((one) => path === one.path || path.startsWith(`${one.path}/`))
    .sort((a, b) => a.path.length - b.path.length)
    .at(-1)
  if (found === undefined) return { status: 404, code: 'no_route' }
  if (found.methods?.includes(method) === false) return { status: 405, code: 'method_not_allowed' }
  const isHere = person?.home === at
  if (!isHere && !found.public) return { status: 401, code: 'login_required' }
  const isUnsafe = method !== 'GET' && method !== 'HEAD'
  if (isHere && found.csrf && isUnsafe && csrf !== 'own')
    return { status: 403, code: csrf === 'none' ? 'csrf_missing' : 'csrf_invalid' }
  if (found.tenants?.some((id) => id === at) === false)
    return { status: 403, code: 'forbidden_tenant' }
  if (!mayByRoles(found, person, isUnsafe)) return { status: 403, code: 'forbidden_role' }
  return { status: 200, token: isHere && found.token !== 'none' ? person.token : undefined }
}

const mayByRoles = (
  { require: asks }: Rule,
  person: Person | undefined,
  isUnsafe: boolean,
): boolean => {
  const { any, all, read, write } = asks?.roles ?? {}
  const held = new Set(person?.roles)
  const one = (list: readonly string[] = []) => list.some((name) => held.has(name))
  return !(
    (any !== undefined && !one(any)) ||
    (all ?? []).some((name) => !held.has(name)) ||
    (!isUnsafe && read !== undefined && !one(read)) ||
    (isUnsafe && write !== undefined && !one(write))
  )
}

/** Two people at each tenant: of some roles and of some other ones; all of them are `user-1` to their issuers. */
const settle = async (world: TenantsWorld): Promise<readonly Person[]> => {
  const people: Person[] = []
  const held = fc.sample(fc.subarray(roles), { seed, numRuns: tenantNames.length * 2 })
  for (const [i, own] of held.entries()) {
    const home = tenantNames[i % tenantNames.length] ?? assert.fail()
    world.issuers[home].script.idTokenClaims = { roles: own }
    const user = await world.loggedIn(home)
    await user.call(world.address(home, '/api/who'))
    people.push({
      name: `${home} ${own.join('+')}`,
      home,
      roles: own,
      session: user.cookies().get(world.cookieName(home))?.value ?? assert.fail(),
      csrf: await world.csrf(home, user),
      token: world.upstream.last().headers.authorization ?? assert.fail(),
    })
  }
  return people
}

const allCases = (people: readonly (Person | undefined)[]): readonly Case[] =>
  people.flatMap((person, p) =>
    tenantNames.flatMap((at) =>
      [...paths.map((path) => `${path}/leaf`), '/r/nowhere', '/r'].flatMap((path) =>
        methods.flatMap((method) =>
          (['none', 'own', 'other'] as const)
            .filter((csrf) => csrf === 'none' || (method !== 'GET' && method !== 'HEAD'))
            .map((csrf) => ({
              id: `${p} ${at} ${path} ${method} ${csrf}`,
              person,
              at,
              path,
              method,
              csrf,
            })),
        ),
      ),
    ),
  )

/** The call as the tenant's own app would make it, with the person's session under the name that the tenant looks for. */
const make = (world: TenantsWorld, one: Case, other: Person): Promise<Answer> => {
  const { person, at, method, csrf } = one
  const cookie = person === undefined ? '' : `${world.cookieName(at)}=${person.session}`
  const token = { none: undefined, own: person?.csrf ?? 'x', other: other.csrf }[csrf]
  return world.callWith(at, one.path, cookie, {
    method,
    headers: { 'x-case': one.id, ...(token !== undefined && { 'x-csrf-token': token }) },
  })
}

const atOnce = 24

test('tenants › every person at every tenant, on every route by every method › is what an independent oracle says: no wrong decision', { timeout: 240_000 }, async (t) => {
  t.diagnostic(`MATRIX_SEED=${seed}`)
  const rules = paths.map((path) => fc.sample(rule(path), { seed: seed + path.length * 7 + paths.indexOf(path), numRuns: 1 })[0] ?? assert.fail()) // prettier-ignore
  const world = await startTenants(t, {
    routes: ({ origin }) => rules.map(({ path, ...over }) => route(path, origin, over)),
  })
  const people = await settle(world)
  const cases = allCases([undefined, ...people])
  world.upstream.seen.length = 0
  const wrong: string[] = []
  const seen = new Map<string, string[]>()
  const tally = new Map<number, number>()
  for (let i = 0; i < cases.length; i += atOnce) {
    const batch = cases.slice(i, i + atOnce)
    const answers = await Promise.all(
      batch.map((one) => {
        const other = people.find(({ session }) => session !== one.person?.session)
        return make(world, one, other ?? assert.fail())
      }),
    )
    for (const { headers } of world.upstream.seen.splice(0)) {
      const id = String(headers['x-case'])
      seen.set(id, [...(seen.get(id) ?? []), headers.authorization ?? 'none'])
    }
    for (const [k, one] of batch.entries()) {
      const answer = answers[k] ?? assert.fail()
      const expected = oracle(rules, one)
      const code = answer.status === 200 || one.method === 'HEAD' ? expected.code : answer.json()['code']
      const arrived = seen.get(one.id) ?? []
      const shouldArrive = expected.status === 200 ? [expected.token ?? 'none'] : []
      const isRight = answer.status === expected.status && code === expected.code && arrived.join() === shouldArrive.join() // prettier-ignore
      if (!isRight)
        wrong.push(`${one.id} (${one.person?.name ?? 'nobody'}): ${answer.status} ${String(code)}, arrived ${arrived.join() || 'nowhere'}; expected ${JSON.stringify(expected)}`) // prettier-ignore
      tally.set(answer.status, (tally.get(answer.status) ?? 0) + 1)
    }
  }
  t.diagnostic(`${cases.length} calls: ${JSON.stringify(Object.fromEntries(tally))}`)
  assert.deepEqual(wrong, [], `MATRIX_SEED=${seed}`)
  assert.ok((tally.get(200) ?? 0) > 20 && (tally.get(401) ?? 0) > 20)
}) // prettier-ignore
