/** How far a stream of WebSocket frames has come; payloads are counted, never kept. RFC 6455 section 5.2. */
export type Frames = {
  /** Bytes of the current header that were seen. */
  headerSeen: number
  /** Bytes of its extended length that are still to come. */
  lengthLeft: number
  maskLeft: number
  payloadLength: number
  payloadLeft: number
  /** A close frame has begun: nothing may follow it (section 5.5.1). */
  isClosing: boolean
}

/** Where every connection begins: before its first frame. */
export const newFrames = (): Frames => ({
  headerSeen: 0,
  lengthLeft: 0,
  maskLeft: 0,
  payloadLength: 0,
  payloadLeft: 0,
  isClosing: false,
})

/** Whether another frame could be put here; between the fragments of a message too, if it is a control frame. */
export const isBetweenFrames = ({ headerSeen, payloadLeft }: Frames): boolean =>
  headerSeen === 0 && payloadLeft === 0

/** Goes through all of the chunk. */
export const followFrames = (frames: Frames, chunk: Buffer): void => {
  let at = 0
  while (at < chunk.length) at = step(frames, chunk, at)
}

/** Goes through the chunk up to the end of the frame it begins in; how many bytes that were. */
export const followToFrameEnd = (frames: Frames, chunk: Buffer): number => {
  let at = 0
  while (at < chunk.length && !isBetweenFrames(frames)) at = step(frames, chunk, at)
  return at
}

const step = (frames: Frames, chunk: Buffer, at: number): number => {
  if (frames.payloadLeft === 0) {
    takeHeaderByte(frames, chunk[at] ?? 0)
    return at + 1
  }
  const taken = Math.min(frames.payloadLeft, chunk.length - at)
  frames.payloadLeft -= taken
  return at + taken
}

const closeOpcode = 8

const takeHeaderByte = (frames: Frames, byte: number): void => {
  frames.headerSeen += 1
  if (frames.headerSeen === 1) {
    if ((byte & 0x0f) === closeOpcode) frames.isClosing = true
    return
  }
  if (frames.headerSeen === 2) takeLengthAndMask(frames, byte)
  else if (frames.lengthLeft > 0) {
    frames.lengthLeft -= 1
    // Beyond 2^53 it loses digits, but no connection lives to see the end of such a frame.
    frames.payloadLength = frames.payloadLength * 256 + byte
  } else frames.maskLeft -= 1
  if (frames.lengthLeft > 0 || frames.maskLeft > 0) return
  frames.headerSeen = 0
  frames.payloadLeft = frames.payloadLength
}

const takeLengthAndMask = (frames: Frames, byte: number): void => {
  const length = byte & 0x7f
  frames.lengthLeft = length === 126 ? 2 : length === 127 ? 8 : 0
  frames.payloadLength = length > 125 ? 0 : length
  frames.maskLeft = (byte & 0x80) === 0 ? 0 : 4
}

/** A close frame with a status and a short reason in ASCII (RFC 6455 section 5.5.1); masked where a client sends it (section 5.3). */
export const closeFrame = (code: number, reason: string, maskKey?: Buffer): Buffer => {
  const payload = Buffer.alloc(2 + reason.length)
  payload.writeUInt16BE(code)
  payload.write(reason, 2, 'latin1')
  const start = 0x80 | closeOpcode
  if (maskKey === undefined) return Buffer.concat([Buffer.from([start, payload.length]), payload])
  payload.forEach((byte, i) => (payload[i] = byte ^ (maskKey[i % 4] ?? 0)))
  return Buffer.concat([Buffer.from([start, 0x80 | payload.length]), maskKey, payload])
}
