import type { OpenStream, WatchDeps } from './watched-sessions.ts'
import { watchedSessions } from './watched-sessions.ts'

/** Everything that is being streamed through this broker. */
export type OpenStreams = {
  readonly add: (stream: OpenStream) => void
  readonly remove: (stream: OpenStream) => void
  readonly close: () => void
}

/** Far below the second within which a stream of an ended session must be cut; far above the life of an ordinary answer. */
const freshMs = 200

/**
 * Streams, and their sessions under watch. An ordinary answer is over before anything happens to it here: it goes into a set and
 * out of it. What is still there a moment later is a stream, and from then on its session is watched.
 */
export const openStreams = (deps: WatchDeps): OpenStreams => {
  const fresh = new Set<OpenStream>()
  const sessions = watchedSessions(deps)
  let timer: NodeJS.Timeout | undefined
  const settle = () => {
    timer = undefined
    for (const stream of fresh) {
      stream.lasts?.()
      if (stream.recordId !== undefined) sessions.add(stream.recordId, stream)
    }
    fresh.clear()
  }
  return {
    add: (stream) => {
      fresh.add(stream)
      timer ??= setTimeout(settle, freshMs).unref()
    },
    remove: (stream) => {
      if (fresh.delete(stream) || stream.recordId === undefined) return
      sessions.remove(stream.recordId, stream)
    },
    close: () => {
      clearTimeout(timer)
      sessions.close()
    },
  }
}
