import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { isBetweenEvents, tailAfter } from '../../server/proxy/event-boundary.ts'

const tailOf = (...chunks: readonly string[]): number =>
  chunks.reduce((tail, chunk) => tailAfter(tail, Buffer.from(chunk)), 0)

const texts: readonly (readonly [text: string, between: boolean])[] = [
  ['', true],
  ['data: 1\n\n', true],
  ['data: 1\r\n\r\n', true],
  ['data: 1\r\r', true],
  ['data: 1\n\r\n', true],
  ['data: 1\r\n\n', true],
  ['data: 1\r\n\r', true],
  ['data: 1', false],
  ['data: 1\n', false],
  ['data: 1\r\n', false],
  ['data: 1\r', false],
  ['data: 1\n\ndata: 2', false],
  ['data: 1\n\ndata: 2\n', false],
]

for (const [text, between] of texts)
  test(`isBetweenEvents › ${JSON.stringify(text)} › ${between ? 'yes' : 'no'}`, () => {
    assert.equal(isBetweenEvents(tailOf(text)), between)
  })

test('tailAfter › a text in any chunks › the same as in one', () => {
  const piece = fc.string({ unit: fc.constantFrom('\r', '\n', 'a', ':'), maxLength: 5 })
  fc.assert(
    fc.property(fc.array(piece), (pieces) => {
      assert.equal(tailOf(...pieces), tailOf(pieces.join('')))
    }),
  )
})

test('a comment › put wherever an event stream is between events › changes no event', () => {
  const text = fc.string({
    unit: fc.constantFrom('\r', '\n', '\r\n', 'data:a', 'b'),
    maxLength: 12,
  })
  fc.assert(
    fc.property(text, text, (before, after) => {
      fc.pre(isBetweenEvents(tailOf(before)))
      assert.deepEqual(eventsOf(`${before}:\n\n${after}`), eventsOf(`${before}${after}`))
    }),
  )
})

/** What a browser makes of the text: HTML Living Standard section 9.2.6, `data` alone. */
const eventsOf = (text: string): string[] => {
  const events: string[] = []
  let data: string[] = []
  for (const line of text.split(/\r\n|\r|\n/).slice(0, -1)) {
    if (line.startsWith('data:')) data.push(line.slice(5))
    if (line !== '') continue
    if (data.length > 0) events.push(data.join('\n'))
    data = []
  }
  return events
}
