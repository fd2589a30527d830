import { acceptedAfterDeadline, acceptedOnOldLook, isPastDeadline } from './checker-cache.ts'
import { byUser, endBoundMs, isAccepted, isOk } from './event-groups.ts'
import type { Event, History, Sending } from './history.ts'

export type Violation = { readonly rule: string; readonly what: string }

/** Between the timestamps of two processes, and of one event seen from both. */
const slackMs = 50
/** A refresh goes on behind the call that began it. */
const afterglowMs = 3_000

/** Everything in a history that must not be; an empty list is a pass. Pure: the same history gives the same list. */
export const check = (history: History): readonly Violation[] => [
  ...acceptedAfterLogout(history),
  ...acceptedAfterDeadline(history),
  ...acceptedOnOldLook(history),
  ...usedAfterReplacement(history),
  ...sentTwice(history),
  ...lostWithoutCause(history),
]

/** R13: a session that was logged out stays so, until its user logs in again. */
const acceptedAfterLogout = ({ events }: History): Violation[] => {
  const found: Violation[] = []
  for (const [user, own] of byUser(events)) {
    const logouts = own.filter((event) => event.kind === 'logout' && isOk(event))
    const logins = own.filter((event) => event.kind === 'login' && isOk(event))
    for (const call of own) {
      if (!isAccepted(call)) continue
      const { startMs, endMs, broker, status } = call
      const logout = logouts.findLast((past) => past.endMs + endBoundMs <= startMs)
      if (logout === undefined) continue
      if (logins.some((login) => login.startMs >= logout.startMs && login.startMs < endMs)) continue
      const late = Math.round(startMs - logout.endMs)
      found.push({
        rule: 'accepted after logout',
        what: `${user}: ${status} of broker ${broker}, ${late} ms after`,
      })
    }
  }
  return found
}

/** A token that was replaced is at its end when its own life is over, at the latest. */
const usedAfterReplacement = ({ sightings }: History): Violation[] =>
  sightings.flatMap(({ user, atMs, lifeMs, replacedMs }) =>
    replacedMs !== undefined && atMs > replacedMs + lifeMs + slackMs
      ? [{ rule: 'replaced token used', what: `${user}: ${atMs - replacedMs} ms after` }]
      : [],
  )

/** R12, R14: strict rotation takes a second sending for theft; only a refusal without effect allows one. */
const sentTwice = ({ sendings }: History): Violation[] => {
  const last = new Map<string, Sending>()
  const found: Violation[] = []
  for (const sending of sendings) {
    const before = last.get(sending.token)
    if (before !== undefined && before.outcome !== 'refused')
      found.push({ rule: 'refresh token sent twice', what: `${sending.user}: ${before.outcome}` })
    last.set(sending.token, sending)
  }
  return found
}

const losses = new Set(['session_expired', 'session_revoked', 'login_required'])

/** Only a logout, an `invalid_grant` or a refresh in doubt may cost a session. */
const lostWithoutCause = (history: History): Violation[] => {
  const sendings = byUser(history.sendings)
  const found: Violation[] = []
  for (const [user, own] of byUser(history.events)) {
    for (const event of own) {
      if (event.status !== 401 || !losses.has(event.code ?? '')) continue
      if (causeOf(event, own, sendings.get(user) ?? [], history) !== undefined) continue
      const what = `${user}: ${event.code} of broker ${event.broker} (${event.loginUrl ?? ''})`
      found.push({ rule: 'session lost without a cause', what })
    }
  }
  return found
}

export type Cause =
  'logout' | 'deadline' | 'invalid_grant' | 'in doubt: answer lost' | 'in doubt: killed'

/** The listed cause of a 401, if there is one. */
export const causeOf = (
  event: Event,
  own: readonly Event[],
  sendings: readonly Sending[],
  { kills, cuts, life }: Pick<History, 'kills' | 'cuts' | 'life'>,
): Cause | undefined => {
  const since = own.findLast(
    (past) => past.kind === 'login' && isOk(past) && past.endMs <= event.startMs,
  )
  const sinceMs = since?.endMs ?? 0
  const inTime = (atMs: number) => atMs >= sinceMs - slackMs && atMs <= event.endMs
  if (own.some((past) => past.kind === 'logout' && inTime(past.startMs))) return 'logout'
  if (event.code === 'session_revoked') return undefined
  if (isPastDeadline(event, own, life)) return 'deadline'
  const outcomes = new Set(sendings.filter(({ atMs }) => inTime(atMs)).map((one) => one.outcome))
  const isInDoubt = event.loginUrl?.includes('prompt=none') === true
  if (outcomes.has('invalid_grant') && !isInDoubt) return 'invalid_grant'
  if (!isInDoubt) return undefined
  if (outcomes.has('cut') || outcomes.has('unknown')) return 'in doubt: answer lost'
  if (cuts.some((atMs) => inTime(atMs) && wasCalling(own, atMs))) return 'in doubt: answer lost'
  return kills.some((kill) => inTime(kill.atMs) && wasBusy(kill, own, sendings))
    ? 'in doubt: killed'
    : undefined
}

/** How many sessions were lost, by cause; a session counts once. */
export const lossesByCause = (history: History): ReadonlyMap<Cause, number> => {
  const sendings = byUser(history.sendings)
  const counts = new Map<Cause, number>()
  for (const [user, own] of byUser(history.events)) {
    let isLost = false
    for (const event of own) {
      if (event.kind === 'login' && isOk(event)) isLost = false
      if (isLost || event.status !== 401) continue
      const cause = causeOf(event, own, sendings.get(user) ?? [], history)
      if (cause === undefined) continue
      isLost = true
      counts.set(cause, (counts.get(cause) ?? 0) + 1)
    }
  }
  return counts
}

/** Whether a call of this user, and so a refresh, was under way; at one broker, or at any. */
const wasCalling = (own: readonly Event[], atMs: number, at?: number): boolean =>
  own.some(
    ({ kind, broker, startMs, endMs }) =>
      kind === 'call' &&
      (at === undefined || broker === at) &&
      startMs <= atMs + slackMs &&
      endMs >= atMs - afterglowMs,
  )

/** Whether the broker that was killed may have been refreshing this user's token. */
const wasBusy = (
  kill: { broker: number; atMs: number },
  own: readonly Event[],
  sendings: readonly Sending[],
): boolean =>
  wasCalling(own, kill.atMs, kill.broker) ||
  sendings.some(
    ({ broker, atMs, endMs }) =>
      broker === kill.broker &&
      atMs <= kill.atMs + slackMs &&
      (endMs === undefined || endMs >= kill.atMs - afterglowMs),
  )
