import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Goal, Outcome } from '../../bench/findings.ts'
import { verdictOf } from '../../bench/findings.ts'
import { median, percentile } from '../../bench/measure/numbers.ts'
import { namedPeers } from '../../bench/parts/peers.ts'
import { chart } from '../../bench/report/chart.ts'
import { page, summary } from '../../bench/report/page.ts'

const goal = (over: Partial<Goal>): Goal => ({
  text: 'a < goal',
  bound: 'at most',
  limit: 2,
  measured: 1,
  unit: 'ms',
  digits: 2,
  ...over,
})

const outcome = (name: string, findings: Outcome['findings']): Outcome => ({
  part: { name, title: `Part ${name}`, run: () => Promise.reject(new Error('not run here')) },
  findings,
  othersShare: 0.03,
})

const outcomes = [
  outcome('one', {
    about: 'So.',
    tables: [],
    bars: { title: 'requests per second', rows: [{ label: 'bare', value: 12_345 }] },
    goals: [goal({}), goal({ measured: 3 }), goal({ measured: undefined, note: 'no peer' })],
  }),
  outcome('two', { failed: 'install redis-server' }),
]

const facts = {
  ...{ cores: 2, cpu: 'some', memoryGib: 4, node: 'v24', redis: '7' },
  ...{ loadTool: 'wrk', rounds: 5, seconds: 4 },
}

for (const [over, verdict] of [
  [{ measured: 2 }, 'met'],
  [{ measured: 2.01 }, 'missed'],
  [{ measured: Number.NaN }, 'missed'],
  [{ measured: undefined }, 'not measured'],
  [{ bound: 'at least', measured: 2 }, 'met'],
  [{ bound: 'at least', measured: 1.99 }, 'missed'],
  [{ bound: 'at least', measured: Number.NaN }, 'missed'],
] as const)
  test(`goal › ${JSON.stringify(over)} of 2 › is ${verdict}`, () => {
    assert.equal(verdictOf(goal(over)), verdict)
  })

test('numbers › values in any order › median and percentile are by rank', () => {
  assert.equal(median([3, 1, 2]), 2)
  assert.equal(median([4, 1, 3, 2]), 2.5)
  const hundred = Array.from({ length: 100 }, (_, i) => 100 - i)
  assert.deepEqual([percentile(hundred, 0.5), percentile(hundred, 0.99)], [50, 99])
  assert.ok(Number.isNaN(median([])))
})

test('page › a missed goal, an absent peer, a failed part › each is named', () => {
  const text = page(outcomes, facts, 'benchmarks.svg')
  assert.equal(
    summary(outcomes),
    '1 goals met, 1 missed, 1 not measured. Failed, and so not measured at all: two.',
  )
  assert.ok(text.includes(summary(outcomes)))
  assert.match(text, /3\.00 ms \| \*\*missed\*\*/)
  assert.match(text, /\*\*not measured\*\*: no peer/)
  assert.match(text, /\*\*This part failed:\*\* install redis-server/)
})

test('page › a part on a loaded machine › says that its figures mean nothing', () => {
  const [first] = outcomes
  assert.ok(first)
  const loaded = page([{ ...first, othersShare: 0.4 }], facts, 'benchmarks.svg')
  assert.match(loaded, /took 40 % .*mean nothing/)
  assert.doesNotMatch(page([first], facts, 'benchmarks.svg'), /mean nothing/)
})

test('picture › the same › shows each with its verdict, and is well-formed', () => {
  const svg = chart(outcomes)
  assert.match(svg, /3\.00 ms \(≤ 2\.00 ms\) missed/)
  assert.match(svg, /not measured<\/text>/)
  assert.match(svg, /Part two<\/text>.*failed/)
  assert.match(svg, /12,345/)
  assert.match(svg, /a &lt; goal/)
  assert.match(svg, /prefers-color-scheme: dark/)
  assert.equal(svg.match(/<text/g)?.length, svg.match(/<\/text>/g)?.length)
  assert.doesNotMatch(svg, /NaN|undefined/)
})

test('peers › named in the environment › become targets', () => {
  const env = {
    PEER_OTHER_PROXY_URL: 'http://localhost:1/api',
    PEER_OTHER_PROXY_COOKIE: 'a=b',
    PEER_OTHER_PROXY_PID: '77',
    PEER_MORE_COOKIE: 'no address: no peer',
  }
  const headers = { cookie: 'a=b', 'sec-fetch-site': 'same-origin' }
  assert.deepEqual(namedPeers(env), [
    { name: 'other-proxy', url: 'http://localhost:1/api', pid: 77, headers },
  ])
})
