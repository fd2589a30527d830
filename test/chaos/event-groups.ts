import type { Event } from './history.ts'

/** A call that starts this long after its session's end is refused, on every instance. */
export const endBoundMs = 100

export const isOk = ({ status }: Event): boolean => status >= 200 && status < 400

/** A call that got through to its API. */
export const isAccepted = ({ kind, status }: Event): boolean =>
  kind === 'call' && status >= 200 && status < 300

export const grouped = <T>(all: readonly T[], keyOf: (one: T) => string): Map<string, T[]> => {
  const groups = new Map<string, T[]>()
  for (const one of all) {
    const group = groups.get(keyOf(one))
    if (group === undefined) groups.set(keyOf(one), [one])
    else group.push(one)
  }
  return groups
}

export const byUser = <T extends { readonly user: string }>(all: readonly T[]): Map<string, T[]> =>
  grouped(all, ({ user }) => user)
