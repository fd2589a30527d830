import type { Duplex } from 'node:stream'
import { followFrames, followToFrameEnd, isBetweenFrames, newFrames } from './frames.ts'

/** One direction of a WebSocket. */
export type Lane = {
  /** Takes bytes that came before the lane did. */
  readonly take: (chunk: Buffer) => void
  /** Lets a frame that is half sent come to its end, puts this close frame behind it, and ends. */
  readonly close: (frame: Buffer) => void
}

/** Takes frames from one side to the other as they come, with back-pressure, always knowing where a frame ends. */
export const openLane = (from: Duplex, to: Duplex): Lane => {
  const frames = newFrames()
  let closing: Buffer | undefined
  let over = false
  const send = (chunk: Buffer) => {
    if (!to.write(chunk)) from.pause()
  }
  const finish = (frame: Buffer) => {
    over = true
    // RFC 6455 section 5.5.1: nothing follows a close frame, not even another.
    if (frames.isClosing) to.end()
    else to.end(frame)
    // What still comes is read, and goes nowhere.
    from.resume()
  }
  const take = (chunk: Buffer) => {
    if (over) return
    if (closing === undefined) {
      followFrames(frames, chunk)
      return send(chunk)
    }
    send(chunk.subarray(0, followToFrameEnd(frames, chunk)))
    if (isBetweenFrames(frames)) finish(closing)
  }
  from.on('data', take)
  from.once('end', () => to.end())
  to.on('drain', () => from.resume())
  return {
    take,
    close: (frame) => {
      if (over || closing !== undefined) return
      closing = frame
      if (isBetweenFrames(frames)) finish(frame)
    },
  }
}
