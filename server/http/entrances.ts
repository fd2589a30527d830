import { hostOf } from './host.ts'

/** Where a tenant is entered: an origin, and a prefix of its paths or nothing. */
export type Place = { readonly origin: string; readonly base: string }

/** A place, and what is behind it, which need not be there before somebody comes. */
export type Door<E> = Place & { readonly enter: () => E }

/** A place with nothing behind it. */
export const doorTo = <P extends Place>(place: P): Door<P> => ({ ...place, enter: () => place })

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
export const entrances = <E>(all: readonly Door<E>[], sharedOrigin: string): Entrances<E> => {
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

const byOrigin = <E>(all: readonly Door<E>[]): ReadonlyMap<string, readonly Door<E>[]> => {
  const groups = new Map<string, Door<E>[]>()
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

const entryOf = <E>(origin: string, here: readonly Door<E>[]): HostEntry<E> => {
  const root = here.find(({ base }) => base === '')
  if (root === undefined) throw new RangeError(`nobody is entered at ${origin}`)
  const byBase = new Map(here.filter((one) => one !== root).map((one) => [one.base, one]))
  const host = hostOf(origin)
  return { host, under: byBase.size === 0 ? root.enter : underPrefix(root, byBase) }
}

const underPrefix = <E>(root: Door<E>, byBase: ReadonlyMap<string, Door<E>>) => {
  const depths = [...byBase.keys()].map((base) => base.split('/').length - 1)
  const deepest = Math.max(...depths)
  return (path: string): E => {
    let end = 0
    for (let depth = 1; depth <= deepest && end < path.length; depth += 1) {
      const next = path.indexOf('/', end + 1)
      end = next === -1 ? path.length : next
      const found = byBase.get(path.slice(0, end))
      if (found !== undefined) return found.enter()
    }
    return root.enter()
  }
}
