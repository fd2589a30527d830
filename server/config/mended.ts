import type { JsonObject } from '../core/json-object.ts'
import { isJsonObject } from '../core/json-object.ts'

type Path = readonly PropertyKey[]

/** Where a fault is, by its path in the file, and which unknown keys it is about, if any. */
export type Fault = { readonly path: Path; readonly unknownKeys?: readonly string[] }

/**
 * The content of a CONFIG_FILE with something harmless in each place that has a fault, so that what else is wrong in it comes to
 * light in the same start; undefined where nothing is left to judge.
 */
export const mended = (content: unknown, faults: readonly Fault[]): JsonObject | undefined => {
  if (!isJsonObject(content)) return undefined
  // A copy, to be changed: rules that belong together are gone from it together.
  const copy = structuredClone(content)
  for (const { path, unknownKeys } of faults) {
    if (unknownKeys === undefined) mendAt(copy, path)
    else for (const key of unknownKeys) remove(copy, [...path, key])
  }
  return copy
}

const mendAt = (content: JsonObject, path: Path): void => {
  const [list, at, key, inner] = path
  if (list !== 'routes' && list !== 'tenants') return
  const make = list === 'routes' ? standInRoute : standInTenant
  if (typeof at !== 'number') {
    if (list === 'routes') Reflect.set(content, list, [make(0)])
    else Reflect.deleteProperty(content, list)
    return
  }
  const items = content[list]
  if (!Array.isArray(items)) return
  const item: unknown = items[at]
  if (!isJsonObject(item) || key === undefined) items[at] = make(at)
  else if (inner !== undefined && mendWithin(item, key, inner, at)) return
  else if (list === 'routes') mendRoute(item, String(key), at)
  else mendTenant(item, String(key), at)
}

const standInRoute = (i: number): JsonObject => ({
  path: `/stand-in/${i}`,
  upstream: 'http://stand-in.invalid',
})

const standInTenant = (i: number) => ({
  id: `stand-in-${i}`,
  hosts: [`stand-in-${i}.invalid`],
  issuer: 'https://stand-in.invalid',
  client: { id: `stand-in-${i}`, secret: 'stand-in' },
})

/** What is judged together with a key: on its own, it would be wrong for no reason of its own. */
const together: Readonly<Record<string, readonly string[]>> = {
  path: ['strip_prefix'],
  token: ['public', 'verify_token'],
  public: ['require'],
  tenant_claim: ['tenant_claim_values'],
}

const ofAudience: JsonObject = { audience: 'stand-in', scope: 'stand-in', resource: 'urn:stand-in' }

const mendRoute = (route: JsonObject, key: string, i: number): void => {
  for (const one of [key, ...(together[key] ?? [])]) Reflect.deleteProperty(route, one)
  const needed = { tenants: ['stand-in'], ...ofAudience, ...standInRoute(i) }[key]
  if (needed !== undefined) Reflect.set(route, key, needed)
}

const mendTenant = (tenant: JsonObject, key: string, i: number): void => {
  for (const one of [key, ...(together[key] ?? [])]) Reflect.deleteProperty(tenant, one)
  const needed = { ...standInTenant(i), path_prefix: `/stand-in-${i}` }[key]
  if (needed !== undefined) Reflect.set(tenant, key, needed)
}

/** What is judged one by one: the others of the list, or of the table, stay as they are. */
const severally = new Set<PropertyKey>(['client', 'hosts', 'tenants'])

/** Whether a fault within such a list or table could be mended in there. */
const mendWithin = (item: JsonObject, key: PropertyKey, inner: PropertyKey, i: number): boolean => {
  const own: unknown = Reflect.get(item, key)
  if (!severally.has(key) || typeof own !== 'object' || own === null) return false
  const { client } = standInTenant(i)
  const needed: unknown = key === 'client' ? Reflect.get(client, inner) : `stand-in-${i}.invalid`
  return Reflect.set(own, inner, needed)
}

const remove = (content: unknown, path: Path): void => {
  const [key, ...rest] = path
  if (key === undefined || typeof content !== 'object' || content === null) return
  if (rest.length === 0) Reflect.deleteProperty(content, key)
  else remove(Reflect.get(content, key), rest)
}
