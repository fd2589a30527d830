import type { RecordId } from '../core/ids.ts'

const spread = 0.25
const steps = 64

/**
 * Between three quarters and the whole of `aheadSeconds`, always the same for one session: sessions that began together
 * do not come to the provider together.
 */
export const jitteredAhead = (aheadSeconds: number, id: RecordId): number => {
  const step = (id.charCodeAt(0) * 7 + id.charCodeAt(1)) % steps
  return aheadSeconds * (1 - (spread * step) / steps)
}
