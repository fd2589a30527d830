import { BrokerError } from '../core/errors.ts'
import type { RecordId } from '../core/ids.ts'

/** How many WebSockets may be open at once. */
export type TunnelCap = { readonly perProcess: number; readonly perSession: number }

const comeBackSeconds = 5

/** Counts WebSockets from the beginning of their handshake: nobody takes all memory, and no single session what is there for all. */
export const tunnelCap = ({ perProcess, perSession }: TunnelCap) => {
  const ofSession = new Map<RecordId, number>()
  let open = 0
  return {
    /** Throws `websockets_exhausted` or `too_many_websockets`. */
    take: (id: RecordId | undefined): void => {
      if (open >= perProcess)
        throw new BrokerError('websockets_exhausted', { retryAfterSeconds: comeBackSeconds })
      const before = id === undefined ? 0 : (ofSession.get(id) ?? 0)
      if (before >= perSession)
        throw new BrokerError('too_many_websockets', { retryAfterSeconds: comeBackSeconds })
      open += 1
      if (id !== undefined) ofSession.set(id, before + 1)
    },
    giveBack: (id: RecordId | undefined): void => {
      open -= 1
      if (id === undefined) return
      const left = (ofSession.get(id) ?? 1) - 1
      if (left === 0) ofSession.delete(id)
      else ofSession.set(id, left)
    },
  }
}
