import type { RecordId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { ChangeListener, Found } from '../session/backend.ts'
import { endedCode } from '../session/ended.ts'
import type { LookQueue } from './look-queue.ts'
import { lookQueue } from './look-queue.ts'

/** Why streams are cut, as a WebSocket hears it. */
export type StreamEnd = 'session_expired' | 'session_revoked'

/** An answer, an upload or a WebSocket under way. */
export type OpenStream = {
  /** The session it came with; undefined: it needs none. */
  readonly recordId: RecordId | undefined
  /** Never so that it looks like a regular end. */
  readonly cut: (reason: StreamEnd) => void
  /** Called once, when the stream has turned out to be more than an ordinary call. */
  readonly lasts?: () => void
}

export type WatchDeps = {
  readonly log: Log
  /** The session as it stands, without sliding it; rejects when the store cannot tell. */
  readonly look: (id: RecordId) => Promise<Found>
  readonly onChange: (listener: ChangeListener) => () => void
  /** News can get lost: a session with open streams is looked at this often at least. */
  readonly lookAgainMs: number
}

type Watch = {
  readonly id: RecordId
  readonly streams: Set<OpenStream>
  timer: NodeJS.Timeout | undefined
}

export type WatchedSessions = {
  /** Looks at once: nobody told of what ended while the stream was beginning. */
  readonly add: (id: RecordId, stream: OpenStream) => void
  readonly remove: (id: RecordId, stream: OpenStream) => void
  readonly close: () => void
}

const looksAtOnce = 32
const pausesMs = { firstPauseMs: 100, longestPauseMs: 2_000 }

/**
 * Cuts the streams of sessions that have ended. It looks when there is news of a session, at its deadlines, which make no
 * news, and now and then in any case. While the store cannot tell, streams go on.
 */
export const watchedSessions = (deps: WatchDeps): WatchedSessions => {
  const watches = new Map<RecordId, Watch>()
  const look = async (watch: Watch): Promise<void> => {
    if (watch.streams.size === 0) return
    const found = await deps.look(watch.id)
    if (found.kind !== 'live') {
      forget(watch)
      return cutAll(watch, found, deps.log)
    }
    clearTimeout(watch.timer)
    if (watch.streams.size > 0)
      watch.timer = setTimeout(queue.add, nextLookMs(found), watch, 'in_turn').unref()
  }
  const queue = lookQueue({ look, atOnce: looksAtOnce, ...pausesMs })
  const nextLookMs = nextLook(deps.lookAgainMs)
  const forget = (watch: Watch) => {
    clearTimeout(watch.timer)
    queue.drop(watch)
    if (watches.get(watch.id) === watch) watches.delete(watch.id)
  }
  const stopListening = deps.onChange(onNews(watches, queue))
  return {
    add: (id, stream) => {
      const watch = watches.get(id) ?? { id, streams: new Set(), timer: undefined }
      watches.set(id, watch)
      watch.streams.add(stream)
      queue.add(watch, 'now')
    },
    remove: (id, stream) => {
      const watch = watches.get(id)
      if (watch?.streams.delete(stream) === true && watch.streams.size === 0) forget(watch)
    },
    close: () => {
      stopListening()
      queue.close()
      watches.forEach(forget)
    },
  }
}

const onNews =
  (watches: ReadonlyMap<RecordId, Watch>, queue: LookQueue<Watch>): ChangeListener =>
  (changed) => {
    if (changed === 'all') return watches.forEach((watch) => queue.add(watch, 'in_turn'))
    const watch = watches.get(changed)
    if (watch !== undefined) queue.add(watch, 'now')
  }

type Over = Exclude<Found, { readonly kind: 'live' }>

const cutAll = ({ id, streams }: Watch, found: Over, log: Log): void => {
  const reason = endedCode(found.kind === 'ended' ? found.reason : 'session_expired')
  log.info({ record: id, streams: streams.size, reason }, 'streams of an ended session cut')
  for (const stream of streams) stream.cut(reason)
  streams.clear()
}

/** So that the store's clock has passed the deadline too. */
const pastDeadlineMs = 20

/** At the session's deadline; before that now and then, at times that do not meet. */
const nextLook = (longestMs: number) => {
  const turnMs = turns(longestMs)
  return ({ idleLeftMs, absoluteLeftMs }: Extract<Found, { readonly kind: 'live' }>): number =>
    Math.min(Math.min(idleLeftMs, absoluteLeftMs) + pastDeadlineMs, turnMs())
}

/** Between half and the whole of `longestMs`, spread evenly however many are asked for (steps of the golden ratio). */
const turns = (longestMs: number): (() => number) => {
  let step = 0
  return () => {
    step = (step + 0.618_034) % 1
    return longestMs * (0.5 + step / 2)
  }
}
