import { byUser, endBoundMs, isAccepted, isOk } from './event-groups.ts'
import type { Measured } from './figures.ts'
import type { Event } from './history.ts'
import { summary } from './scenario-storm.ts'
import type { ChaosWorld } from './world.ts'

/** A time in which one broker was spoiled, while some users were logged out. */
export type Episode = {
  readonly fault: string
  readonly broker: number
  readonly fromMs: number
  readonly toMs: number
  readonly leavers: ReadonlySet<string>
}

/** A cache that asks the store for every other call is none: nothing would be shown of it. */
const mostLooks = 500
/** A token that is sent with its last breath. */
const breathMs = 50

/** What the scenario measured of the users who were logged out, of those who stayed, and of the looks into the store. */
export const coherenceFacts = (
  world: ChaosWorld,
  episodes: readonly Episode[],
  stayers: ReadonlySet<string>,
): Measured => {
  const { events } = world
  const staying = events.filter(({ user }) => stayers.has(user))
  const failed = staying.filter(({ kind, status }) => kind === 'call' && status !== 200 && status !== 401) // prettier-ignore
  const refusals = staying.filter(({ status }) => status === 401)
  const after = afterLogout(world)
  const odd = after.filter(({ call: { status } }) => status !== 401 && status !== 503)
  const doors = events.filter((event) => event.kind !== 'call' && !isOk(event))
  const healthyLooks = looksPerThousand(world, leftAlone(world, episodes), stayers)
  const spent = world.api.sightings.filter(({ atMs, expiresMs }) => atMs > expiresMs + breathMs)
  return {
    facts: {
      calls: events.filter(({ kind }) => kind === 'call').length,
      'logouts, by the user or the provider': events.filter(({ kind }) => kind === 'logout').length,
      'calls that started 100 ms after a logout': after.length,
      'of these refused by 401': after.filter(({ call }) => call.status === 401).length,
      'calls refused after the absolute deadline': refusals.length,
      'looks for 1,000 calls at brokers left alone': healthyLooks,
      ...Object.fromEntries(byFault(world, episodes, stayers)),
    },
    must: [
      [after.length > 0 && refusals.length > 0, 'nothing was called after its end'],
      [odd.length === 0, `after a logout: ${summary(odd.map(({ call }) => call))}`],
      [failed.length === 0, `calls of living sessions: ${summary(failed)}`],
      [doors.length === 0, `logins and logouts: ${summary(doors)}`],
      [healthyLooks < mostLooks, `${healthyLooks} looks for 1,000 calls: there is no cache`],
      [spent.length === 0, `${spent.length} tokens that had run out were sent`],
    ],
  }
}

/** The other brokers of each time. */
const leftAlone = ({ brokers }: ChaosWorld, episodes: readonly Episode[]): readonly Episode[] =>
  episodes.flatMap((episode) =>
    brokers
      .filter(({ index }) => index !== episode.broker)
      .map(({ index }) => ({ ...episode, broker: index })),
  )

type Late = { readonly call: Event; readonly lateMs: number }

const afterLogout = ({ events }: ChaosWorld): readonly Late[] =>
  callsByLogout(events).filter(({ lateMs }) => lateMs >= endBoundMs)

/** Every call of a user who was logged out, by the time since the answer. */
const callsByLogout = (events: readonly Event[]): readonly Late[] =>
  [...byUser(events).values()].flatMap((own) => {
    const logout = own.find((event) => event.kind === 'logout' && isOk(event))
    if (logout === undefined) return []
    const calls = own.filter(({ kind }) => kind === 'call')
    return calls.map((call) => ({ call, lateMs: call.startMs - logout.endMs }))
  })

const byFault = (
  world: ChaosWorld,
  episodes: readonly Episode[],
  stayers: ReadonlySet<string>,
): [string, number][] => {
  const late = callsByLogout(world.events)
  return [...new Set(episodes.map(({ fault }) => fault))].flatMap((fault) => {
    const own = episodes.filter((episode) => episode.fault === fault)
    const accepted = late.filter(
      ({ call }) => isAccepted(call) && own.some(({ leavers }) => leavers.has(call.user)),
    )
    const lastMs = Math.max(...accepted.map(({ lateMs }) => lateMs))
    const looks = looksPerThousand(world, own, stayers)
    return [
      [`${fault}: looks for 1,000 calls at that broker`, looks],
      [`${fault}: last call accepted, ms after the answer of a logout`, lastMs],
    ]
  })
}

/** Of the users who stay, at the spoiled broker: what ended is looked up at every call. */
const looksPerThousand = (
  { events, looks }: ChaosWorld,
  episodes: readonly Episode[],
  stayers: ReadonlySet<string>,
): number => {
  let calls = 0
  let looked = 0
  for (const { broker, fromMs, toMs } of episodes) {
    const own = events.filter(
      (event) =>
        event.broker === broker &&
        stayers.has(event.user) &&
        isAccepted(event) &&
        event.startMs >= fromMs &&
        event.startMs < toMs,
    )
    const sessions = new Set(own.map(({ session }) => session))
    calls += own.length
    looked += looks.filter(
      (look) =>
        look.broker === broker &&
        sessions.has(look.session) &&
        look.atMs >= fromMs &&
        look.atMs < toMs,
    ).length
  }
  return Math.round((1_000 * looked) / calls)
}
