import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/**
 * Ends an answer so that nobody takes the part for the whole (RFC 9112 section 8). To HTTP/1.0 a closed connection is the regular end of a
 * body without a length, so there it is reset.
 */
export const cutAnswer = (res: ServerResponse): void => {
  const { socket } = res
  if (res.req.httpVersionMinor === 0 && socket !== null && isPlainTcp(socket))
    socket.resetAndDestroy()
  res.destroy()
}

/** Node resets no other kind of connection. */
const isPlainTcp = (socket: Socket): boolean =>
  !('encrypted' in socket) && socket.remoteFamily !== undefined
