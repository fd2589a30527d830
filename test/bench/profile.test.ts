import assert from 'node:assert/strict'
import { test } from 'node:test'
import { selfTimes } from '../../bench/profile/self-time.ts'
import { selfTimeTables } from '../../bench/profile/tables.ts'

const frame = (functionName: string, url: string) => ({ functionName, url, lineNumber: 0 })

const profile = {
  nodes: [
    { id: 1, callFrame: frame('(root)', ''), children: [2, 5] },
    { id: 2, callFrame: frame('judge', 'file:///x/server/proxy/judge.ts'), children: [3] },
    { id: 3, callFrame: frame('hash', 'node:internal/crypto/hash'), children: [4] },
    { id: 4, callFrame: frame('digest', '') },
    { id: 5, callFrame: frame('(idle)', '') },
    { id: 6, callFrame: frame('send', 'file:///x/node_modules/a/node_modules/@b/c/d.js') },
  ],
  startTime: 1_000,
  samples: [2, 4, 4, 5, 6, 6],
  timeDeltas: [100, 100, 100, 100, 100, 100],
}

test('self time › native code below a module of ours › is charged to both places, idle time to none', () => {
  const times = selfTimes(profile, { fromUs: 1_150, toUs: 1_550 })
  assert.deepEqual(times, [
    { module: 'native', fn: 'digest', askedBy: 'server/proxy/judge.ts', us: 200 },
    { module: '@b/c', fn: 'send', askedBy: '@b/c', us: 100 },
  ])
})

test('self time › its tables › name part, module and function with their share', () => {
  const text = selfTimeTables(selfTimes(profile, { fromUs: 0, toUs: 9_999 }), 10)
  assert.match(text, /\| server\/proxy \| 60\.0 % \| 30\.00 \|/)
  assert.match(text, /\| `digest` \| native \| server\/proxy\/judge\.ts \| 40\.0 % \| 20\.00 \|/)
})
