import assert from 'node:assert/strict'
import { test } from 'node:test'
import { check, lossesByCause } from './checker.ts'
import type { Event, History, Sending, Sighting } from './history.ts'
import { chance } from './random.ts'

const event = (change: Partial<Event>): Event => {
  const startMs = change.startMs ?? 1_000
  return {
    user: 'ada',
    kind: 'call',
    broker: 0,
    startMs,
    endMs: startMs + 10,
    status: 200,
    setsCookie: false,
    ...change,
  }
}
const login = event({ kind: 'login', status: 303, startMs: 500 })
const logout = event({ kind: 'logout', startMs: 2_000, endMs: 2_020 })
const sending = (change: Partial<Sending>): Sending => ({
  user: 'ada',
  token: 'rt-1',
  broker: 0,
  atMs: 1_500,
  endMs: 1_510,
  outcome: 'rotated',
  ...change,
})
const sighting = (change: Partial<Sighting>): Sighting => ({
  user: 'ada',
  atMs: 5_000,
  lifeMs: 1_000,
  expiresMs: 6_000,
  ...change,
})
const lost = (change: Partial<Event> = {}) =>
  event({ startMs: 3_000, status: 401, code: 'session_expired', loginUrl: '/login', ...change })
const inDoubt = lost({ loginUrl: '/login?prompt=none' })

const look = (atMs: number) => ({ broker: 1, session: 'a', atMs })
const trust = { broker: 1, fromMs: 2_000, toMs: 3_000, mostAgeMs: 100 }
const held = event({ broker: 1, session: 'a', startMs: 2_500 })
const life = { idleMs: 2_000, absoluteMs: 5_000 }
const calls = [1_000, 2_500, 4_000, 5_400].map((startMs) => event({ startMs }))

const history = (change: Partial<History>): History => ({
  events: [],
  sightings: [],
  sendings: [],
  kills: [],
  cuts: [],
  looks: [],
  trust: [],
  ...change,
})

const bad: [string, Partial<History>, string][] = [
  [
    'a call accepted 100 ms after the logout answered',
    { events: [login, logout, event({ startMs: 2_120 })] },
    'accepted after logout',
  ],
  [
    'a call of another instance accepted much later',
    { events: [login, logout, event({ startMs: 9_000, broker: 3 })] },
    'accepted after logout',
  ],
  [
    'a replaced token used beyond its life',
    { sightings: [sighting({ replacedMs: 3_900 })] },
    'replaced token used',
  ],
  [
    'a rotated refresh token sent again',
    { sendings: [sending({}), sending({ atMs: 1_600, outcome: 'reuse' })] },
    'refresh token sent twice',
  ],
  [
    'a refresh token sent again after its answer was cut',
    { sendings: [sending({ outcome: 'cut' }), sending({ atMs: 1_600, outcome: 'reuse' })] },
    'refresh token sent twice',
  ],
  [
    'two sendings that overlap',
    { sendings: [sending({ outcome: 'pending' }), sending({ outcome: 'refused' })] },
    'refresh token sent twice',
  ],
  [
    'a call served on a look of 101 ms ago, when no news came',
    { events: [held], looks: [look(2_399), look(2_511)], trust: [trust] },
    'accepted on an old look',
  ],
  [
    'a call served on the look of another broker, or at another session',
    {
      events: [held],
      looks: [
        { ...look(2_499), broker: 2 },
        { ...look(2_499), session: 'b' },
      ],
      trust: [trust],
    },
    'accepted on an old look',
  ],
  [
    'a call accepted 100 ms after the absolute deadline',
    { events: [login, ...calls, event({ startMs: 5_610 })], life },
    'accepted after its deadline',
  ],
  [
    'a call accepted 100 ms after the idle deadline',
    { events: [login, event({}), event({ startMs: 3_110 })], life },
    'accepted after its deadline',
  ],
  [
    'a session over long before its deadline',
    { events: [login, event({}), lost({ startMs: 2_700 })], life },
    'session lost without a cause',
  ],
  ['a session lost for nothing', { events: [login, lost()] }, 'session lost without a cause'],
  [
    'a session lost by an outage',
    { events: [login, lost()], sendings: [sending({ outcome: 'refused' })] },
    'session lost without a cause',
  ],
  [
    'in doubt, and every refresh was answered',
    { events: [login, inDoubt], sendings: [sending({})] },
    'session lost without a cause',
  ],
  [
    'in doubt by the kill of another broker',
    { events: [login, event({}), inDoubt], kills: [{ broker: 1, atMs: 1_005 }] },
    'session lost without a cause',
  ],
  [
    'in doubt by a kill long before the session was used there',
    { events: [login, event({ startMs: 2_500 }), inDoubt], kills: [{ broker: 0, atMs: 900 }] },
    'session lost without a cause',
  ],
  [
    'in doubt, and the provider went away when nothing was under way',
    { events: [login, event({ startMs: 2_500 }), inDoubt], cuts: [600] },
    'session lost without a cause',
  ],
  [
    'revoked, and nobody logged out',
    {
      events: [login, lost({ code: 'session_revoked' })],
      sendings: [sending({ outcome: 'invalid_grant' })],
    },
    'session lost without a cause',
  ],
  [
    'a new session lost by the old one’s logout',
    { events: [login, logout, { ...login, startMs: 2_500, endMs: 2_600 }, lost()] },
    'session lost without a cause',
  ],
]

for (const [what, change, rule] of bad)
  test(`chaos checker › ${what} › is caught`, () => {
    assert.deepEqual(
      check(history(change)).map((violation) => violation.rule),
      [rule],
    )
  })

const good: [string, Partial<History>][] = [
  ['nothing at all', {}],
  [
    'calls before and within 100 ms of a logout',
    { events: [login, event({}), logout, event({ startMs: 2_110 })] },
  ],
  [
    'a call after the next login',
    { events: [login, logout, { ...login, startMs: 2_500 }, event({ startMs: 2_600 })] },
  ],
  [
    'calls up to the deadline, and refused from then on',
    { events: [login, ...calls, event({ startMs: 5_609 }), lost({ startMs: 5_620 })], life },
  ],
  ['a call on a look of 100 ms ago', { events: [held], looks: [look(2_400)], trust: [trust] }],
  ['a call on its own look', { events: [held], looks: [look(2_505)], trust: [trust] }],
  ['a call when news came', { events: [{ ...held, startMs: 3_000 }], trust: [trust] }],
  ['a refusal after a logout', { events: [login, logout, lost({ code: 'session_revoked' })] }],
  ['a replaced token within its life', { sightings: [sighting({ replacedMs: 4_500 })] }],
  [
    'the same refresh token after 429 and 503',
    {
      sendings: [sending({ outcome: 'refused' }), sending({ outcome: 'refused' }), sending({})],
    },
  ],
  [
    'a session ended by invalid_grant',
    { events: [login, lost()], sendings: [sending({ outcome: 'invalid_grant' })] },
  ],
  ['in doubt after a cut', { events: [login, inDoubt], sendings: [sending({ outcome: 'cut' })] }],
  [
    'in doubt by the kill of the broker that was refreshing',
    { events: [login, event({}), inDoubt], kills: [{ broker: 0, atMs: 1_005 }] },
  ],
  [
    'in doubt by a provider that went away under a call',
    { events: [login, event({}), inDoubt], cuts: [1_005] },
  ],
  ['an outage answered by 503', { events: [login, event({ status: 503, code: 'x' })] }],
]

for (const [what, change] of good)
  test(`chaos checker › ${what} › passes`, () => {
    assert.deepEqual(check(history(change)), [])
  })

test('chaos checker › sessions lost › are counted once each, by cause', () => {
  const again = { ...login, startMs: 4_000, endMs: 4_100 }
  const counts = lossesByCause(
    history({
      events: [login, inDoubt, inDoubt, again, lost({ startMs: 5_000 }), lost({ startMs: 5_100 })],
      sendings: [
        sending({ outcome: 'cut' }),
        sending({ token: 'rt-2', atMs: 4_500, outcome: 'invalid_grant' }),
      ],
    }),
  )
  assert.deepEqual(Object.fromEntries(counts), { 'in doubt: answer lost': 1, invalid_grant: 1 })
})

test('chaos chance › the same seed › gives the same course', () => {
  const course = (seed: number) => {
    const random = chance(seed)
    return Array.from({ length: 50 }, () => random.below(1_000))
  }
  assert.deepEqual(course(42), course(42))
  assert.notDeepEqual(course(42), course(43))
})
