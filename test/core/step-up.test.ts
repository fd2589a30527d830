import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asIssuer, asSub } from '../../server/core/ids.ts'
import { demandText, doneAfter, goesRound } from '../../server/core/step-up.ts'

const nowMs = 1_800_000_000_000
const mfa = { acrValues: ['urn:mfa'] }
const fresh = { maxAgeSeconds: 60 }
const done = (demand: object, secondsAgo = 0) => ({
  demand: demandText(demand),
  atMs: nowMs - secondsAgo * 1_000,
})
const times = (count: number, make: (n: number) => object, secondsAgo = 0) =>
  Array.from({ length: count }, (_, n) => done(make(n), secondsAgo))

const ada = { issuer: asIssuer('https://id.test'), sub: asSub('ada') }

const chains = [
  ['nothing before', [], false],
  ['twice the same', times(2, () => mfa), false],
  ['three times the same', times(3, () => mfa), true],
  ['three times the same, five minutes ago', times(3, () => mfa, 300), false],
  ['three times the same, a second less', times(3, () => mfa, 299), true],
  ['three times another', times(3, () => fresh), false],
  ['nine others', times(9, (n) => ({ maxAgeSeconds: n })), false],
  ['ten others', times(10, (n) => ({ maxAgeSeconds: n })), true],
] as const

for (const [name, before, expected] of chains)
  test(`goesRound › ${name} (R29, STEP-x) › ${expected ? 'yes' : 'no'}`, () => {
    assert.equal(goesRound(before, mfa, nowMs), expected)
  })

test('demandText › demands that differ › never one text', () => {
  const demands = [
    mfa,
    fresh,
    { ...mfa, ...fresh },
    { acrValues: ['urn:mfa', 'x'] },
    { acrValues: ['urn:mfa x'] },
    { acrValues: [] },
    { claims: '["urn:mfa"]' },
    { maxAgeSeconds: 0 },
    {},
  ]
  assert.equal(new Set(demands.map(demandText)).size, demands.length)
})

test('doneAfter › the same person › what came before, less what is old, and this one', () => {
  const before = [done(mfa, 400), done(fresh, 100)]
  const after = doneAfter({ demand: mfa, who: ada, done: before }, ada, nowMs)
  assert.deepEqual(after, [done(fresh, 100), done(mfa)])
})

for (const other of [{ sub: asSub('bob') }, { issuer: asIssuer('https://other.test') }])
  test(`doneAfter › another ${Object.keys(other).join()} (R29) › nothing is carried over`, () => {
    const stepUp = { demand: mfa, who: ada, done: [done(mfa)] }
    assert.deepEqual(doneAfter(stepUp, { ...ada, ...other }, nowMs), [])
  })
