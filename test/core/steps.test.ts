import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Steps } from '../../server/core/steps.ts'
import { atOnce, inPieces } from '../../server/core/steps.ts'

/** Steps that take longer than a piece may, each noting how much else has been done by then. */
function* slowSteps(count: number, others: () => number): Steps<readonly number[]> {
  const seen: number[] = []
  for (let i = 0; i < count; i += 1) {
    const endMs = performance.now() + 20
    while (performance.now() < endMs) seen.length = i
    seen.push(others())
    yield
  }
  return seen
}

/** Something else that the process has to do, again and again. */
const others = () => {
  const state = { done: 0, over: false }
  const next = () => {
    state.done += 1
    if (!state.over) setImmediate(next)
  }
  setImmediate(next)
  return state
}

test('inPieces › steps that take long › other work is done between them, and the result is theirs', async () => {
  const other = others()
  const seen = await inPieces(slowSteps(4, () => other.done))
  other.over = true
  assert.equal(new Set(seen).size, 4)
})

test('atOnce › the same steps › nothing is done between them', () => {
  const other = others()
  const seen = atOnce(slowSteps(4, () => other.done))
  other.over = true
  assert.deepEqual(seen, [0, 0, 0, 0])
})

test('inPieces › a step throws › so does the whole', async () => {
  await assert.rejects(
    inPieces(
      (function* (): Steps<void> {
        yield
        throw new RangeError('no further')
      })(),
    ),
    RangeError,
  )
})
