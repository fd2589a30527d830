import type { ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import type { BrokerError } from '../core/errors.ts'
import type { RecordId } from '../core/ids.ts'
import type { TokenSet } from '../core/token-set.ts'
import { headerOf } from '../http/raw-headers.ts'
import { cutAnswer } from './cut-answer.ts'
import type { OpenStreams } from './open-streams.ts'
import type { ResponseFacts } from './response-headers.ts'
import { browserHeaders } from './response-headers.ts'
import type { Silence, SilenceLimits } from './silence.ts'
import { endSilence, heard, isEventStream } from './silence.ts'
import type { OpenStream } from './watched-sessions.ts'

/** What became of one exchange with an upstream. */
export type Outcome =
  | { readonly kind: 'answered' }
  /** Nothing was answered. */
  | { readonly kind: 'failed'; readonly cause: Error }
  /** The upstream called the token invalid; its answer is held back, and here is another token. */
  | { readonly kind: 'renewed'; readonly token: TokenSet }
  /** The upstream called the login too weak; its answer is dropped for this refusal. */
  | { readonly kind: 'demanded'; readonly refusal: () => Promise<BrokerError> }

/** Where the events of an upstream's answer go. */
export type Sink = {
  readonly start: (status: number, raw: readonly string[]) => void
  readonly data: (controller: Dispatcher.DispatchController, chunk: Buffer) => void
  readonly end: () => void
  readonly error: (error: Error) => void
}

/** What an answer lives by once it lasts longer than an ordinary one. */
export type StreamLife = SilenceLimits & {
  readonly streams: OpenStreams
  readonly recordId: RecordId | undefined
}

export type SinkDeps = {
  readonly res: ServerResponse
  readonly facts: ResponseFacts
  readonly life: StreamLife
  readonly resolve: (outcome: Outcome) => void
}

/** Takes an answer to the browser as it comes, and cuts it when its rest will not come or must not. */
export const browserSink = ({ res, facts, life, resolve }: SinkDeps): Sink => {
  const silence: Silence = { timer: undefined, tail: undefined }
  const stop = () => {
    clearTimeout(silence.timer)
    life.streams.remove(stream)
  }
  const cut = () => {
    stop()
    cutAnswer(res)
    resolve({ kind: 'answered' })
  }
  const lasts = () => {
    if (!res.writableEnded) endSilence(silence, res, life, cut)
  }
  const stream: OpenStream = { recordId: life.recordId, cut, lasts }
  let length: number | undefined
  return {
    start(status, raw) {
      const form = begin(res, status, raw, facts)
      length = form.length
      if (form.isEvents) silence.tail = 0
      life.streams.add(stream)
    },
    data(controller, chunk) {
      heard(silence, chunk)
      passOn(res, controller, chunk, length)
    },
    end() {
      if (!res.writableEnded) res.end()
      clearTimeout(silence.timer)
      // What a slow reader has still to get can be cut.
      if (res.writableNeedDrain) res.once('close', stop)
      else stop()
      resolve({ kind: 'answered' })
    },
    error(cause) {
      if (res.headersSent || res.destroyed) cut()
      else resolve({ kind: 'failed', cause })
    },
  }
}

/** A longer answer is not worth a copy. */
const atOnceBytes = 16_384

const passOn = (
  res: ServerResponse,
  controller: Dispatcher.DispatchController,
  chunk: Buffer,
  length: number | undefined,
): void => {
  // As text with its header a whole answer is one write to the socket, not a list of two.
  if (chunk.length === length && length <= atOnceBytes)
    return void res.end(chunk.toString('latin1'), 'latin1')
  if (res.write(chunk)) return
  controller.pause()
  res.once('drain', () => controller.resume())
}

type AnswerForm = { readonly isEvents: boolean; readonly length: number | undefined }

const begin = (
  res: ServerResponse,
  status: number,
  raw: readonly string[],
  facts: ResponseFacts,
): AnswerForm => {
  const headers = browserHeaders(raw, facts)
  const length = headerOf(raw, 'content-length')
  const hasLength = length !== undefined
  const isEvents = !hasLength && isEventStream(raw)
  // For nginx and its like: no event waits until a buffer is full.
  if (isEvents) headers.push('x-accel-buffering', 'no')
  res.writeHead(status, headers)
  // Without a length the first byte may be long in coming: the header does not wait for it.
  if (!hasLength) res.flushHeaders()
  return { isEvents, length: hasLength ? Number(length) : undefined }
}
