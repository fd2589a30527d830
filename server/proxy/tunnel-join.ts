import type { Duplex } from 'node:stream'
import { closeFrame } from './frames.ts'
import type { Agreed } from './tunnel-handshake.ts'
import { openLane } from './tunnel-lane.ts'

/** A WebSocket between a browser and an upstream. */
export type Tunnel = {
  /** Puts a close frame between two frames on both sides, and cuts what is still there a second later. */
  readonly close: (code: number, reason: string) => void
}

export type Joining = Agreed & {
  readonly socket: Duplex
  /** What the browser sent right behind its handshake. */
  readonly head: Buffer
  /** Four bytes that nobody can foresee (RFC 6455 section 5.3). */
  readonly maskKey: () => Buffer
}

/** How long a frame that is half sent may take to its end, and a side to say goodbye. */
const lastWordsMs = 1_000
/** RFC 6455 section 7.4.1. */
export const goingAway = 1001

/** Joins the two connections; one side's end or failure is the other's: nothing is left half open. */
export const joined = ({ socket, head, upstream, first, answer, maskKey }: Joining): Tunnel => {
  socket.write(answer)
  const toBrowser = openLane(upstream, socket)
  const toUpstream = openLane(socket, upstream)
  if (first.length > 0) toBrowser.take(first)
  if (head.length > 0) toUpstream.take(head)
  let deadline: NodeJS.Timeout | undefined
  const endWithin = (ms: number) => {
    clearTimeout(deadline)
    deadline = setTimeout(() => {
      socket.destroy()
      upstream.destroy()
    }, ms).unref()
  }
  // Whoever has hung up may read a little longer, but nobody waits for the other side to notice.
  const onEnd = () => {
    if (deadline === undefined) endWithin(lastBytesMs)
  }
  socket.once('end', onEnd)
  upstream.once('end', onEnd)
  upstream.once('error', () => upstream.destroy())
  socket.once('close', () => {
    clearTimeout(deadline)
    endSoon(upstream)
  })
  upstream.once('close', () => endSoon(socket))
  return {
    close: (code, reason) => {
      toBrowser.close(closeFrame(code, reason))
      toUpstream.close(closeFrame(goingAway, reason, maskKey()))
      endWithin(lastWordsMs)
    },
  }
}

const lastBytesMs = 5_000

/** Lets out what is written already, a close frame above all; a reader that does not read is not waited for. */
const endSoon = (side: Duplex): void => {
  if (side.destroyed) return
  const timer = setTimeout(() => side.destroy(), lastBytesMs)
  side.once('close', () => clearTimeout(timer))
  side.end(() => side.destroy())
}
