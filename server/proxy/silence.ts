import type { ServerResponse } from 'node:http'
import { headerOf } from '../http/raw-headers.ts'
import { isBetweenEvents, tailAfter } from './event-boundary.ts'

/** What is known of an upstream that says nothing in the middle of its answer. */
export type Silence = {
  timer: NodeJS.Timeout | undefined
  /** The last bytes of an event stream; undefined for any other answer. */
  tail: number | undefined
}

export type SilenceLimits = {
  /** How long the upstream may be silent within its answer; an event stream may be silent for ever. */
  readonly idleMs: number
  /** After this silence an event stream gets a comment, so that no router in between takes it for dead. */
  readonly eventQuietMs: number
}

/** The upstream has said something. */
export const heard = (silence: Silence, chunk: Buffer): void => {
  silence.timer?.refresh()
  if (silence.tail !== undefined) silence.tail = tailAfter(silence.tail, chunk)
}

/** From now on silence has an end: a comment for an event stream, the cut for every other answer. */
export const endSilence = (
  silence: Silence,
  res: ServerResponse,
  limits: SilenceLimits,
  cut: () => void,
): void => {
  const { eventQuietMs, idleMs } = limits
  const onSilence = () => {
    // A browser that reads slowly makes the upstream silent.
    if (res.writableNeedDrain) return silence.timer?.refresh()
    if (silence.tail === undefined) return cut()
    silence.timer?.refresh()
    if (isBetweenEvents(silence.tail)) res.write(':\n\n')
  }
  silence.timer = setTimeout(onSilence, silence.tail === undefined ? idleMs : eventQuietMs)
}

/** Whether an answer without a length is an event stream whose text can be read: HTML Living Standard section 9.2.5. */
export const isEventStream = (raw: readonly string[]): boolean =>
  /^text\/event-stream\s*(?:;|$)/i.test(headerOf(raw, 'content-type') ?? '') &&
  headerOf(raw, 'content-encoding') === undefined
