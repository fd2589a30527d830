import type { RefreshIntent } from '../session/data.ts'

/**
 * What the holder of the lock may do with the refresh token.
 * `send`: it is good, as far as anybody knows. `wait`: its last sender may yet write down what came of it.
 * `in_doubt`: nobody will; sent again it would look stolen, and end the session at the provider.
 */
export type IntentVerdict = 'send' | 'wait' | 'in_doubt'

/** A sender that lost its lock gets this long to find the store again. */
export const orphanGraceMs = 5_000
/** Between the provider's clock and ours. */
const skewMs = 1_000

/**
 * Judges the intent found in a vault by whoever holds the lock now.
 * Within the provider's leeway for reused tokens (OIDC_REFRESH_LEEWAY_SECONDS) the same token may go again.
 */
export const judgeIntent = (
  intent: RefreshIntent | undefined,
  nowMs: number,
  leewaySeconds: number,
): IntentVerdict => {
  if (intent === undefined) return 'send'
  if (nowMs - intent.atMs < leewaySeconds * 1_000 - skewMs) return 'send'
  if (intent.outcome === 'unknown') return 'in_doubt'
  const seenMs = intent.orphanSeenAtMs
  return seenMs !== undefined && nowMs - seenMs >= orphanGraceMs ? 'in_doubt' : 'wait'
}
