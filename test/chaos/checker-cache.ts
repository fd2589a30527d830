import type { Violation } from './checker.ts'
import { byUser, endBoundMs, grouped, isAccepted, isOk } from './event-groups.ts'
import type { Event, History, Life } from './history.ts'

/** A session is over when its absolute life is, and when nobody has used it for its idle time. */
export const acceptedAfterDeadline = ({ events, life }: History): Violation[] => {
  if (life === undefined) return []
  return [...byUser(events)].flatMap(([user, own]) => lateCalls(user, own, life))
}

const lateCalls = (user: string, own: readonly Event[], life: Life): Violation[] => {
  const found: Violation[] = []
  let loggedInMs = Infinity
  let usedMs = Infinity
  for (const event of own.toSorted((a, b) => a.startMs - b.startMs)) {
    const deadlineMs = Math.min(loggedInMs + life.absoluteMs, usedMs + life.idleMs)
    const lateMs = event.startMs - deadlineMs
    if (isAccepted(event) && lateMs >= endBoundMs)
      found.push({
        rule: 'accepted after its deadline',
        what: `${user}: ${event.status} of broker ${event.broker}, ${lateMs} ms after`,
      })
    if (event.kind === 'login' && isOk(event)) usedMs = loggedInMs = event.endMs
    // Whatever found the session alive may have moved its idle deadline.
    if (event.status !== 401) usedMs = Math.max(usedMs, event.endMs)
  }
  return found
}

/** A session's deadline is moved when a tenth of its idle time has passed. */
const slideShare = 0.1

/** Whether a refusal may be for the session's own deadline. */
export const isPastDeadline = (
  { endMs, startMs }: Event,
  own: readonly Event[],
  life: Life | undefined,
): boolean => {
  if (life === undefined) return false
  const before = (kind: Event['kind']) =>
    own.findLast((past) => past.kind === kind && isOk(past) && past.startMs <= startMs)
  const loggedInMs = before('login')?.startMs ?? 0
  const usedMs = before('call')?.startMs ?? loggedInMs
  return endMs >= loggedInMs + life.absoluteMs || endMs >= usedMs + life.idleMs * (1 - slideShare)
}

/** What a broker accepts rests on what it saw in the store: just now, where it cannot have heard of what changed since. */
export const acceptedOnOldLook = ({ events, looks, trust }: History): Violation[] => {
  const seen = grouped(looks, ({ broker, session }) => `${broker} ${session}`)
  return events.filter(isAccepted).flatMap((call) => {
    const { user, broker, session, startMs, endMs } = call
    const spans = trust.filter(
      (span) => span.broker === broker && span.fromMs <= startMs && startMs < span.toMs,
    )
    const strictest = spans.toSorted((a, b) => a.mostAgeMs - b.mostAgeMs)[0]
    const mostAgeMs = strictest?.mostAgeMs ?? Infinity
    const look = seen.get(`${broker} ${session ?? ''}`)?.findLast(({ atMs }) => atMs <= endMs)
    const ageMs = look === undefined ? Infinity : startMs - look.atMs
    return ageMs <= mostAgeMs
      ? []
      : [
          {
            rule: 'accepted on an old look',
            what: `${user}: broker ${broker}, ${ageMs} ms old, ${startMs - (strictest?.fromMs ?? 0)} ms into "${strictest?.why ?? 'no fault'}", answered in ${endMs - startMs} ms`,
          },
        ]
  })
}
