import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import type { Dispatcher } from 'undici'
import type { BrokerError } from '../core/errors.ts'
import type { StepUpDemand } from '../core/step-up.ts'
import type { TokenSet } from '../core/token-set.ts'
import type { Sink, SinkDeps } from './browser-sink.ts'
import { browserSink } from './browser-sink.ts'
import { callsTokenInvalid } from './challenges.ts'
import { demandIn } from './step-up-challenge.ts'

export type Answering = SinkDeps & {
  /** Another token than the one sent; undefined: there is none to be asked for. */
  readonly insteadToken: (() => Promise<TokenSet | undefined>) | undefined
  /** The refusal of a call whose login is too weak; undefined: there is none to be made stronger. */
  readonly askStepUp: ((demand: StepUpDemand) => Promise<BrokerError>) | undefined
  /** Whether the request can be sent again. */
  readonly replayable: boolean
  readonly reject: (error: unknown) => void
}

/** Each of them starts the wait for the first byte anew: a flood would hold the call for ever. RFC 9110 section 15.2. */
const interimAnswersMost = 100

/** Takes an upstream's answer to the browser as it comes, unless it says that the token is invalid. */
export const answerHandler = (way: Answering): Dispatcher.DispatchHandler => {
  const browser = browserSink(way)
  let sink: Sink = browser
  let interimAnswers = 0
  return {
    onRequestStart(controller) {
      abortWithClient(way.res, controller)
    },
    onResponseStart(controller, status, headers) {
      if (status < 200) {
        interimAnswers += 1
        if (interimAnswers > interimAnswersMost)
          controller.abort(new Error('no end of 1xx answers'))
        return
      }
      const raw = headerList(headers)
      if (!isDecodable(raw)) return controller.abort(new Error('unknown transfer coding'))
      const refusal = status === 401 ? stepUpRefusal(way, raw) : undefined
      if (refusal !== undefined) {
        sink = nowhere
        controller.abort(new Error('the answer is not needed'))
        return way.resolve({ kind: 'demanded', refusal })
      }
      const ask = status === 401 && callsTokenInvalid(raw) ? way.insteadToken : undefined
      if (ask === undefined || !way.replayable) {
        // Too late for this call, but the next one has the new token.
        ask?.().catch(() => undefined)
        return browser.start(status, raw)
      }
      const kept = keptAnswer()
      sink = kept
      kept.start(status, raw)
      holdBack(way, { ask, kept, browser, controller })
    },
    onResponseData: (controller, chunk) => sink.data(controller, chunk),
    onResponseEnd: () => sink.end(),
    onResponseError: (_controller, error) => sink.error(error),
  }
}

const stepUpRefusal = (
  { askStepUp }: Answering,
  raw: readonly string[],
): (() => Promise<BrokerError>) | undefined => {
  const demand = askStepUp && demandIn(raw)
  return demand && (() => askStepUp(demand))
}

/** What the client no longer wants, the upstream should not go on making. */
const abortWithClient = (res: ServerResponse, controller: Dispatcher.DispatchController): void => {
  const abort = () => controller.abort(new Error('the client went away'))
  if (res.destroyed) return abort()
  res.on('close', () => {
    if (!res.writableFinished) abort()
  })
}

type KeptAnswer = Sink & { readonly release: (to: Sink) => void }

/** An answer that waits; a paused upstream that closes its connection delivers the rest of it all the same. */
const keptAnswer = (): KeptAnswer => {
  const waiting: ((to: Sink) => void)[] = []
  let released: Sink | undefined
  const pass = (event: (to: Sink) => void) => {
    if (released === undefined) waiting.push(event)
    else event(released)
  }
  return {
    start: (status, raw) => pass((to) => to.start(status, raw)),
    data: (controller, chunk) => pass((to) => to.data(controller, chunk)),
    end: () => pass((to) => to.end()),
    error: (error) => pass((to) => to.error(error)),
    release: (to) => {
      released = to
      waiting.forEach((event) => event(to))
    },
  }
}

const nowhere: Sink = {
  start: () => undefined,
  data: () => undefined,
  end: () => undefined,
  error: () => undefined,
}

type Held = {
  readonly ask: () => Promise<TokenSet | undefined>
  readonly kept: KeptAnswer
  readonly browser: Sink
  readonly controller: Dispatcher.DispatchController
}

/** Holds a 401 until it is known whether there is another token; without one, the browser gets it as it came. */
const holdBack = (way: Answering, { ask, kept, browser, controller }: Held): void => {
  controller.pause()
  const drop = () => {
    kept.release(nowhere)
    controller.abort(new Error('the answer is not needed'))
  }
  ask().then(
    (token) => {
      if (token === undefined) {
        kept.release(browser)
        return controller.resume()
      }
      drop()
      way.resolve({ kind: 'renewed', token })
    },
    (error: unknown) => {
      drop()
      way.reject(error)
    },
  )
}

/** Names in lower case and values in turn; undici has decoded them already. */
const headerList = (headers: IncomingHttpHeaders): string[] => {
  const list: string[] = []
  for (const name of Object.keys(headers)) {
    const value = headers[name]
    if (typeof value === 'string') list.push(name, value)
    else value?.forEach((one) => list.push(name, one))
  }
  return list
}

/** Any other coding would reach the browser undone, as if it were the body. RFC 9112 section 6.1. */
const isDecodable = (raw: readonly string[]): boolean => {
  let codings = 0
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i] !== 'transfer-encoding') continue
    codings += 1
    if (raw[i + 1]?.trim().toLowerCase() !== 'chunked') return false
  }
  return codings <= 1
}
