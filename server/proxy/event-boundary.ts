const lf = 0x0a
const cr = 0x0d

/** The last three bytes of a text, after this chunk; a text begins with 0. */
export const tailAfter = (tail: number, chunk: Buffer): number => {
  let next = tail
  for (let i = Math.max(0, chunk.length - 3); i < chunk.length; i += 1)
    next = ((next << 8) | (chunk[i] ?? 0)) & 0xffffff
  return next
}

/**
 * Whether an event stream that ends so stands between two events: after a blank line, or at its very beginning. Lines end with
 * CR LF, LF or CR (HTML Living Standard section 9.2.5).
 */
export const isBetweenEvents = (tail: number): boolean => {
  const last = tail & 0xff
  const before = (tail >> 8) & 0xff
  if (tail === 0) return true
  if (last === cr) return before === cr || before === lf
  if (last !== lf) return false
  // CR LF is one end of a line, so there must be another before it.
  return before === cr ? isLineEnd(tail >> 16) : before === lf
}

const isLineEnd = (byte: number): boolean => byte === lf || byte === cr
