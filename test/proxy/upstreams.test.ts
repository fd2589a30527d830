import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { silentLog } from '../../server/core/log.ts'
import { upstreams } from '../../server/proxy/upstreams.ts'
import { route } from '../support/world.ts'

const a = 'http://a.test'
const b = 'http://b.test'
const c = 'http://c.test'

const setUp = (t: TestContext, all: readonly string[]) => {
  let nowMs = 0
  const found = upstreams({ nowMs: () => nowMs, log: silentLog })
  t.after(found.close)
  const one = route('/api', a, { upstreams: all })
  const picks = (count: number, repeatable = true) =>
    Array.from({ length: count }, () => found.pick(one, repeatable))
  const wait = (ms: number) => {
    nowMs += ms
  }
  return { ...found, route: one, picks, wait }
}

test('pick › all well › takes turns', (t) => {
  const { picks } = setUp(t, [a, b, c])
  assert.deepEqual(picks(6), [a, b, c, a, b, c])
})

test('pick › one failed › the others share its turns evenly', (t) => {
  const { picks, health } = setUp(t, [a, b, c])
  health.failed(a)
  assert.deepEqual(picks(4), [b, c, b, c])
})

test('pick › all failed › they are tried in turn all the same', (t) => {
  const { picks, health } = setUp(t, [a, b])
  health.failed(a)
  health.failed(b)
  assert.deepEqual(picks(4), [a, b, a, b])
})

test('pick › the rest is over › one call tries it, the others pass it over', (t) => {
  const { picks, health, wait } = setUp(t, [a, b])
  health.failed(a)
  wait(999)
  assert.deepEqual(picks(3), [b, b, b])
  wait(1)
  assert.deepEqual(picks(4), [a, b, b, b])
  health.worked(a)
  assert.deepEqual(picks(4), [a, b, a, b])
})

test('pick › a try that is never heard of again › another one follows after the connect timeout', (t) => {
  const { picks, health, wait } = setUp(t, [a, b])
  health.failed(a)
  wait(1_000)
  assert.deepEqual(picks(2), [a, b])
  wait(1_999)
  assert.deepEqual(picks(2), [b, b])
  wait(1)
  assert.deepEqual(picks(2), [a, b])
})

test('pick › every try fails › rests of 1, 2, 4, 8 and then 10 s', (t) => {
  const { picks, health, wait } = setUp(t, [a, b])
  health.failed(a)
  for (const restMs of [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]) {
    wait(restMs - 1)
    assert.deepEqual(picks(2), [b, b])
    wait(1)
    assert.ok(picks(2).includes(a), `after ${restMs} ms`)
    health.failed(a)
  }
})

test('pick › many calls meet one failure › the rest is as short as for one', (t) => {
  const { picks, health, wait } = setUp(t, [a, b])
  for (let calls = 0; calls < 50; calls += 1) health.failed(a)
  wait(1_000)
  assert.ok(picks(2).includes(a))
})

test('pick › a call that cannot be sent again › tries only what nobody has tried for 10 s more', (t) => {
  const { picks, health, wait } = setUp(t, [a, b])
  health.failed(a)
  wait(10_999)
  assert.deepEqual(picks(2, false), [b, b])
  wait(1)
  assert.deepEqual(picks(2, false), [a, b])
})

test('pick › a failure on another route to the same origin › is known', (t) => {
  const { pick, health } = setUp(t, [a, b])
  health.failed(a)
  assert.equal(pick(route('/other', a, { upstreams: [a, b] }), true), b)
})

test('pick › alone and failed › is still the one', (t) => {
  const { picks, health } = setUp(t, [a])
  health.failed(a)
  assert.deepEqual(picks(2), [a, a])
})

test('after › a failure › the next one that is well', (t) => {
  const { after, health, route: one } = setUp(t, [a, b, c])
  health.failed(a)
  assert.equal(after(one, { origin: a, waited: true }), b)
  health.failed(b)
  assert.equal(after(one, { origin: b, waited: true }), c)
  health.failed(c)
  assert.equal(after(one, { origin: c, waited: false }), a)
  assert.equal(after(one, { origin: c, waited: true }), undefined)
})

test('after › alone › itself after a refusal, nobody after a wait in vain', (t) => {
  const { after, health, route: one } = setUp(t, [a])
  health.failed(a)
  assert.equal(after(one, { origin: a, waited: false }), a)
  assert.equal(after(one, { origin: a, waited: true }), undefined)
})

test('agent › routes that connect in one way › share a pool, others do not', (t) => {
  const { agent, route: one } = setUp(t, [a])
  const like = (over: object) => agent(route('/other', a, over))
  const timeoutMs = { connect: 9, firstByte: 25_000, idle: 55_000 }
  assert.equal(like({}), agent(one))
  assert.notEqual(like({ timeoutMs }), agent(one))
  assert.notEqual(like({ tls: { ca: 'x' } }), agent(one))
  assert.equal(like({ tls: { ca: 'x' } }), like({ tls: { ca: 'x' } }))
})
