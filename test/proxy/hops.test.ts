import assert from 'node:assert/strict'
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { lowerMaxForwards, pseudonymOf, refuseLoop } from '../../server/proxy/hops.ts'

const own = pseudonymOf('https://app.example')

const loops: readonly (readonly [via: string | undefined, loop: boolean])[] = [
  [undefined, false],
  ['1.1 edge', false],
  [`1.1 ${own}`, true],
  [`1.1 edge, 1.1 ${own}, HTTP/2 other (nginx)`, true],
  [`1.1 edge,1.1  ${own} (a comment)`, true],
  [`1.1 ${pseudonymOf('https://other.example')}`, false],
  [`1.1 edge (not ${own} at all)`, false],
  [`1.1 ${own}-2`, false],
]

for (const [via, loop] of loops)
  test(`refuseLoop › Via: ${via ?? 'none'} (HTTP-7.6-a) › ${loop ? 'refused' : 'passes'}`, () => {
    const req = new IncomingMessage(new Socket())
    if (via !== undefined) req.headers.via = via
    if (loop) assert.throws(() => refuseLoop(req, own), { code: 'upstream_unreachable' })
    else refuseLoop(req, own)
  })

const counts = [
  ['5', '4'],
  ['1', '0'],
  ['007', '6'],
  ['0', '0'],
  ['99999999999999999999', '255'],
  ['-1', '-1'],
  ['many', 'many'],
] as const

for (const [given, left] of counts)
  test(`lowerMaxForwards › ${given} (HTTP-7.6.2-a) › ${left}`, () => {
    const headers = ['x-a', '5', 'max-forwards', given]
    lowerMaxForwards(headers)
    assert.deepEqual(headers, ['x-a', '5', 'max-forwards', left])
  })
