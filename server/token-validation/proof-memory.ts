/** More than any service is called within the life of a proof by honest callers. */
const mostProofs = 100_000

/**
 * Proofs that were seen, in this process: false for one that comes again. When full it refuses what is new, so that a flood of proofs
 * cannot push out the one that is to be played back. Several processes need a store of their own kind.
 */
export const proofMemory = (nowMs: () => number) => {
  const seen = new Map<string, number>()
  const forget = () => {
    const now = nowMs()
    for (const [key, untilMs] of seen) if (untilMs <= now) seen.delete(key)
  }
  return (key: string, untilMs: number): boolean => {
    if ((seen.get(key) ?? -Infinity) > nowMs()) return false
    if (seen.size >= mostProofs) forget()
    if (seen.size >= mostProofs) return false
    seen.set(key, untilMs)
    return true
  }
}
