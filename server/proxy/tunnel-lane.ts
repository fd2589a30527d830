import type { Duplex } from 'node:stream'
import { followFrames, followToFrameEnd, isBetweenFrames, newFrames } from './frames.ts'

/** One direction of a WebSocket. */
export type Lane = {
  /** Takes bytes that came before the lane did. */
  readonly take: (chunk: Buffer) => void
  /**
   * Lets a frame that is half sent come to its end, puts this close frame behind it, and nothing more. The side that then says
   * goodbye as well has its connection closed (RFC 6455 section 7.1.1).
   */
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
    if (!frames.isClosing) to.write(frame)
    // What still comes is read, and goes nowhere.
    from.resume()
  }
  const hear = (rest: Buffer) => {
    followFrames(frames, rest)
    if (frames.isClosing && isBetweenFrames(frames)) from.end()
  }
  const take = (chunk: Buffer) => {
    if (closing === undefined) {
      followFrames(frames, chunk)
      return send(chunk)
    }
    const passed = over ? 0 : followToFrameEnd(frames, chunk)
    if (passed > 0) send(chunk.subarray(0, passed))
    if (!over && isBetweenFrames(frames)) finish(closing)
    hear(chunk.subarray(passed))
  }
  from.on('data', take)
  from.once('end', () => to.end())
  to.on('drain', () => from.resume())
  return {
    take,
    close: (frame) => {
      if (closing !== undefined) return
      closing = frame
      take(noBytes)
    },
  }
}

const noBytes = Buffer.alloc(0)
