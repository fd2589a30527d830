import type { Duplex } from 'node:stream'
import { BrokerError } from '../core/errors.ts'
import type { RecordId } from '../core/ids.ts'
import type { Random } from '../core/random.ts'
import type { OpenStreams } from './open-streams.ts'
import type { Agreed, Upgrading } from './tunnel-handshake.ts'
import { shakeHands } from './tunnel-handshake.ts'
import type { TunnelCap } from './tunnel-cap.ts'
import { tunnelCap } from './tunnel-cap.ts'
import type { Tunnel } from './tunnel-join.ts'
import { goingAway, joined } from './tunnel-join.ts'
import type { StreamEnd } from './watched-sessions.ts'

export type TunnelsDeps = {
  readonly random: Random
  readonly streams: OpenStreams
  readonly cap: TunnelCap
}

export type Opening = Upgrading & { readonly recordId: RecordId | undefined }

export type Tunnels = {
  /**
   * Opens the WebSocket at the upstream and joins the two connections (RFC 6455 section 4). Rejects with `too_many_websockets`,
   * `websockets_exhausted`, `upstream_unreachable` or `upstream_timeout` while the browser has heard nothing.
   */
  readonly open: (call: Opening) => Promise<void>
  /** Tells both sides of every tunnel that the broker goes away, and ends it; those that are opened later go on. */
  readonly goAway: () => void
  /** The same, and no other opens. An http.Server forgets a connection once it is upgraded, and would wait for it for ever. */
  readonly close: () => void
}

/** The close code of an ended session, from those that are free for private use (RFC 6455 section 7.4.2). */
const sessionOver = 4401

/** Every WebSocket that is open through this broker. */
export const tunnels = ({ random, streams, cap }: TunnelsDeps): Tunnels => {
  const all = new Set<Tunnel>()
  const dialling = new Set<Duplex>()
  const counted = tunnelCap(cap)
  const maskKey = () => random.bytes(4)
  let closed = false
  const join = ({ socket, head, recordId }: Opening, agreed: Agreed) => {
    const tunnel = joined({ socket, head, ...agreed, maskKey })
    const stream = { recordId, cut: (reason: StreamEnd) => tunnel.close(sessionOver, reason) }
    all.add(tunnel)
    streams.add(stream)
    socket.once('close', () => {
      all.delete(tunnel)
      streams.remove(stream)
    })
  }
  const goAway = () => all.forEach((tunnel) => tunnel.close(goingAway, 'going_away'))
  return {
    open: async (call) => {
      const { socket, recordId } = call
      if (closed || socket.destroyed) throw new BrokerError('upstream_unreachable')
      counted.take(recordId)
      dialling.add(socket)
      socket.once('close', () => {
        dialling.delete(socket)
        counted.giveBack(recordId)
      })
      const agreed = await shakeHands(call)
      dialling.delete(socket)
      join(call, agreed)
    },
    goAway,
    close: () => {
      closed = true
      goAway()
      for (const socket of dialling) socket.destroy()
    },
  }
}
