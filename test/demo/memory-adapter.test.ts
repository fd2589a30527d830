import assert from 'node:assert/strict'
import test from 'node:test'
import { memoryAdapter } from '../../server/demo/memory-adapter.ts'

const make = (maxRecords: number) => {
  const time = { ms: 0 }
  return { time, storage: memoryAdapter({ maxRecords, clock: { nowMs: () => time.ms } }) }
}

test('memoryAdapter › more records than allowed › the longest unused goes', () => {
  const tokens = make(2).storage('RefreshToken')
  tokens.upsert('a', {})
  tokens.upsert('b', {})
  tokens.find('a')
  tokens.upsert('c', {})
  assert.deepEqual(
    ['a', 'b', 'c'].map((id) => tokens.find(id) !== undefined),
    [true, false, true],
  )
})

test('memoryAdapter › record past its time › is gone', () => {
  const { storage, time } = make(9)
  const sessions = storage('Session')
  sessions.upsert('s', { uid: 'u' }, 10)
  time.ms = 9_999
  assert.deepEqual(sessions.findByUid('u'), { uid: 'u' })
  time.ms = 10_000
  assert.equal(sessions.find('s'), undefined)
  assert.equal(sessions.findByUid('u'), undefined)
})

test('memoryAdapter › consume › marks the record with the second', () => {
  const { storage, time } = make(9)
  const tokens = storage('RefreshToken')
  tokens.upsert('t', { grantId: 'g' })
  time.ms = 5_500
  tokens.consume('t')
  assert.deepEqual(tokens.find('t'), { grantId: 'g', consumed: 5 })
})

test('memoryAdapter › revokeByGrantId › takes that grant, of that model', () => {
  const { storage } = make(9)
  const [tokens, codes] = [storage('RefreshToken'), storage('AuthorizationCode')]
  tokens.upsert('t', { grantId: 'g' })
  tokens.upsert('u', { grantId: 'h' })
  codes.upsert('t', { grantId: 'g' })
  tokens.revokeByGrantId('g')
  assert.equal(tokens.find('t'), undefined)
  assert.ok(tokens.find('u') && codes.find('t'))
})
