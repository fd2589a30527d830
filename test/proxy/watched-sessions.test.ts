import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { asRecordId } from '../../server/core/ids.ts'
import type { RecordId } from '../../server/core/ids.ts'
import { silentLog } from '../../server/core/log.ts'
import { openStreams } from '../../server/proxy/open-streams.ts'
import { watchedSessions } from '../../server/proxy/watched-sessions.ts'
import type { ChangeListener, Found } from '../../server/session/backend.ts'
import { gate } from '../support/gate.ts'
import { eventually } from '../support/raw.ts'

const limit = { timeout: 20_000 }
const record = { version: 1, sealed: Buffer.alloc(0) }

const live = (idleLeftMs = 60_000, absoluteLeftMs = 60_000): Found => ({
  kind: 'live',
  session: record,
  vault: undefined,
  idleLeftMs,
  absoluteLeftMs,
})

const setUp = (t: TestContext, lookAgainMs = 60_000) => {
  const looks: RecordId[] = []
  const cuts: string[] = []
  let tell: ChangeListener = () => undefined
  let answer = (_id: RecordId): Found | Promise<Found> => live()
  const deps = {
    log: silentLog,
    lookAgainMs,
    look: async (id: RecordId) => {
      looks.push(id)
      return await answer(id)
    },
    onChange: (listener: ChangeListener) => {
      tell = listener
      return () => undefined
    },
  }
  const sessions = watchedSessions(deps)
  t.after(sessions.close)
  const streamOf = (id: string) => {
    const recordId = asRecordId(id)
    const stream = { recordId, cut: (reason: string) => void cuts.push(`${id} ${reason}`) }
    const remove = () => sessions.remove(recordId, stream)
    return { stream, recordId, remove, add: () => sessions.add(recordId, stream) }
  }
  return {
    deps,
    looks,
    cuts,
    streamOf,
    news: (id: string) => tell(id === 'all' ? id : asRecordId(id)),
    answerWith: (next: typeof answer) => (answer = next),
  }
}

const quiet = () => sleep(30)

test(
  'session › ended while its stream began › cut by the first look, without any news',
  limit,
  async (t) => {
    const { streamOf, answerWith, cuts } = setUp(t)
    answerWith(() => ({ kind: 'ended', reason: 'session_revoked' }))
    streamOf('a').add()
    await eventually('the cut', () => cuts.length === 1)
    assert.deepEqual(cuts, ['a session_revoked'])
  },
)

const ends: readonly (readonly [Found, string])[] = [
  [{ kind: 'missing' }, 'session_expired'],
  [{ kind: 'ended', reason: 'session_expired' }, 'session_expired'],
  [{ kind: 'ended', reason: 'refresh_in_doubt' }, 'session_expired'],
  [{ kind: 'ended', reason: 'replaced' }, 'session_revoked'],
  [{ kind: 'ended', reason: 'session_revoked' }, 'session_revoked'],
]

for (const [found, reason] of ends)
  test(
    `session › found ${JSON.stringify(found)} › all its streams are cut with ${reason}, others not`,
    limit,
    async (t) => {
      const { streamOf, answerWith, news, looks, cuts } = setUp(t)
      for (const id of ['a', 'a', 'b']) streamOf(id).add()
      await eventually('first looks', () => looks.includes(asRecordId('b')))
      answerWith((id) => (id === 'a' ? found : live()))
      news('a')
      await eventually('the cuts', () => cuts.length === 2)
      news('b')
      await quiet()
      assert.deepEqual(cuts, [`a ${reason}`, `a ${reason}`])
    },
  )

test('news › of a session that lives on, as after a refresh › nothing is cut', limit, async (t) => {
  const { streamOf, news, looks, cuts } = setUp(t)
  streamOf('a').add()
  await quiet()
  const before = looks.length
  news('a')
  await eventually('a look', () => looks.length > before)
  await quiet()
  assert.deepEqual(cuts, [])
})

test('news › of a session without streams › no look', limit, async (t) => {
  const { streamOf, news, looks } = setUp(t)
  const { add, remove } = streamOf('a')
  add()
  await quiet()
  remove()
  const before = looks.length
  for (const id of ['a', 'b', 'all']) news(id)
  await quiet()
  assert.equal(looks.length, before)
})

test('news › during a look that began before the end › another look finds it', limit, async (t) => {
  const { streamOf, answerWith, news, looks, cuts } = setUp(t)
  const slow = gate<Found>()
  answerWith(() => slow.promise)
  streamOf('a').add()
  await eventually('the first look', () => looks.length === 1)
  answerWith(() => ({ kind: 'missing' }))
  news('a')
  await eventually('the cut', () => cuts.length === 1)
  slow.resolve(live())
  await quiet()
  assert.equal(cuts.length, 1)
})

test('deadline › passes without news › the look after it cuts', limit, async (t) => {
  const deadlines = { idle: live(300, 60_000), absolute: live(60_000, 300) }
  for (const found of Object.values(deadlines)) {
    const { streamOf, answerWith, looks, cuts } = setUp(t)
    answerWith(() => (looks.length === 1 ? found : { kind: 'missing' }))
    streamOf('a').add()
    await quiet()
    assert.deepEqual([looks.length, cuts.length], [1, 0])
    await eventually('the cut', () => cuts.length === 1)
    assert.equal(looks.length, 2)
  }
})

test('deadline › moved on by calls of the session › the stream goes on', limit, async (t) => {
  const { streamOf, answerWith, looks, cuts } = setUp(t)
  answerWith(() => live(looks.length === 1 ? 50 : 60_000))
  streamOf('a').add()
  await eventually('the look at the deadline', () => looks.length === 2)
  await quiet()
  assert.deepEqual(cuts, [])
})

test('news › lost › a look now and then finds the end', limit, async (t) => {
  const { streamOf, answerWith, looks, cuts } = setUp(t, 200)
  answerWith(() => (looks.length < 3 ? live() : { kind: 'missing' }))
  streamOf('a').add()
  await eventually('the cut', () => cuts.length === 1)
})

test(
  'store › away for a while › few looks meanwhile, no cut, and the end is found after it',
  limit,
  async (t) => {
    const { streamOf, answerWith, looks, cuts } = setUp(t)
    answerWith(() => Promise.reject(new Error('away')))
    for (let n = 0; n < 100; n += 1) streamOf(String(n)).add()
    await sleep(1_000)
    // 32 at once before the first failure was known; then one, after 100, 200, 400 and 800 ms.
    assert.ok(looks.length <= 40, `${looks.length} looks`)
    assert.deepEqual(cuts, [])
    answerWith((id) => (id === '7' ? { kind: 'missing' } : live()))
    await eventually('the cut', () => cuts.length === 1)
    await eventually('all were looked at', () => new Set(looks).size === 100)
    assert.deepEqual(cuts, ['7 session_expired'])
  },
)

test(
  'news › all, with 5,000 sessions › each is looked at, never more than 32 at once',
  limit,
  async (t) => {
    const { streamOf, answerWith, news, looks } = setUp(t)
    for (let n = 0; n < 5_000; n += 1) streamOf(String(n)).add()
    await eventually('first looks', () => new Set(looks).size === 5_000)
    looks.length = 0
    let now = 0
    let most = 0
    answerWith(async () => {
      now += 1
      most = Math.max(most, now)
      await new Promise((resolve) => setImmediate(resolve))
      now -= 1
      return live()
    })
    news('all')
    await eventually('second looks', () => new Set(looks).size === 5_000)
    assert.equal(looks.length, 5_000)
    assert.ok(most <= 32, `${most} at once`)
  },
)

test(
  'openStreams › an ordinary answer › no look; a lasting one: told once, then looked at',
  limit,
  async (t) => {
    const { deps, looks } = setUp(t)
    const streams = openStreams(deps)
    t.after(streams.close)
    let lasting = 0
    const stream = (id: string | undefined) => ({
      recordId: id === undefined ? undefined : asRecordId(id),
      cut: () => undefined,
      lasts: () => void (lasting += 1),
    })
    const ordinary = stream('ordinary')
    streams.add(ordinary)
    streams.remove(ordinary)
    const lasts = [stream('long'), stream(undefined)]
    lasts.forEach(streams.add)
    await eventually('both were told', () => lasting === 2)
    await quiet()
    assert.deepEqual(looks, ['long'])
    lasts.forEach(streams.remove)
  },
)
