import { setImmediate as otherWork } from 'node:timers/promises'
import { monotonicMs } from './clock.ts'

/** Long work of short steps, between which others may be served. */
export type Steps<T> = Generator<undefined, T>

/** The whole work at once. */
export const atOnce = <T>(steps: Steps<T>): T => {
  let step = steps.next()
  while (step.done !== true) step = steps.next()
  return step.value
}

/** What a call waits behind a piece of it. */
const pieceMs = 15

/** The work in pieces, so that a process that serves goes on with it. */
export const inPieces = async <T>(steps: Steps<T>): Promise<T> => {
  let begunMs = monotonicMs()
  let step = steps.next()
  while (step.done !== true) {
    if (monotonicMs() - begunMs > pieceMs) {
      await otherWork()
      begunMs = monotonicMs()
    }
    step = steps.next()
  }
  return step.value
}
