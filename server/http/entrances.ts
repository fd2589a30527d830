import { hostOf } from './host.ts'

/** Where a tenant is entered: an origin, and a prefix of its paths or nothing. */
export type Place = { readonly origin: string; readonly base: string }

/** One host and who is entered there. */
export type HostEntry<E> = {
  /** As browsers send it. */
  readonly host: string
  /** By a canonical path; the prefix counts by whole segments. */
  readonly under: (path: string) => E
}

export type Entrances<E> = {
  /**
   * By the `Host` header, which may spell out the scheme's default port; undefined for a host that is nobody's.
   * A foreign one would poison links, and another tenant's leads there and nowhere else (RFC 9110 section 7.4).
   */
  readonly at: (hostHeader: string | undefined) => HostEntry<E> | undefined
  /** At BASE_URL's host, for what is asked under any name. */
  readonly shared: HostEntry<E>
}

/** The entrances by host, one map probe for each call. Each origin must have one without a prefix. */
export const entrances = <E extends Place>(
  all: readonly E[],
  sharedOrigin: string,
): Entrances<E> => {
  const byHost = new Map<string, HostEntry<E>>()
  for (const [origin, here] of byOrigin(all)) {
    const entry = entryOf(origin, here)
    for (const spelling of spellingsOf(origin)) byHost.set(spelling, entry)
  }
  const shared = byHost.get(hostOf(sharedOrigin))
  if (shared === undefined) throw new RangeError('nobody is entered at BASE_URL')
  return {
    shared,
    at: (header) =>
      header === undefined ? undefined : (byHost.get(header) ?? byHost.get(header.toLowerCase())),
  }
}

const byOrigin = <E extends Place>(all: readonly E[]): ReadonlyMap<string, readonly E[]> => {
  const groups = new Map<string, E[]>()
  for (const one of all) {
    const group = groups.get(one.origin)
    if (group === undefined) groups.set(one.origin, [one])
    else group.push(one)
  }
  return groups
}

const spellingsOf = (origin: string): readonly string[] => {
  const host = hostOf(origin)
  if (/:\d+$/.test(host)) return [host]
  return [host, `${host}${origin.startsWith('https:') ? ':443' : ':80'}`]
}

const entryOf = <E extends Place>(origin: string, here: readonly E[]): HostEntry<E> => {
  const root = here.find(({ base }) => base === '')
  if (root === undefined) throw new RangeError(`nobody is entered at ${origin}`)
  const byBase = new Map(here.filter((one) => one !== root).map((one) => [one.base, one]))
  const host = hostOf(origin)
  return { host, under: byBase.size === 0 ? () => root : underPrefix(root, byBase) }
}

const underPrefix = <E extends Place>(root: E, byBase: ReadonlyMap<string, E>) => {
  const depths = [...byBase.keys()].map((base) => base.split('/').length - 1)
  const deepest = Math.max(...depths)
  return (path: string): E => {
    let end = 0
    for (let depth = 1; depth <= deepest && end < path.length; depth += 1) {
      const next = path.indexOf('/', end + 1)
      end = next === -1 ? path.length : next
      const found = byBase.get(path.slice(0, end))
      if (found !== undefined) return found
    }
    return root
  }
}
