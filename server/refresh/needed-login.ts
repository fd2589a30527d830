import { BrokerError } from '../core/errors.ts'
import type { StepUpDemand } from '../core/step-up.ts'
import type { TokenWant } from '../core/token-set.ts'
import { tokenKey } from '../core/token-set.ts'
import type { Vault } from '../session/data.ts'

/** What the person does about it shows in another session; a rule that is taken back again, in this one. */
const restMs = 60_000

/** The login that the provider has just asked for instead of this token: nobody asks it again for a while. */
export const neededLogin = (
  { needs }: Pick<Vault, 'needs'>,
  want: TokenWant,
  nowMs: number,
): StepUpDemand | undefined => {
  const need = needs?.[tokenKey(want)]
  return need !== undefined && nowMs - need.atMs < restMs ? need.demand : undefined
}

export const withNeed = (
  { intent: _withdrawn, ...content }: Vault,
  want: TokenWant,
  demand: StepUpDemand,
  atMs: number,
): Vault => ({ ...content, needs: { ...content.needs, [tokenKey(want)]: { demand, atMs } } })

export const withoutNeed = ({ needs, ...content }: Vault, want: TokenWant): Vault => {
  const others = Object.entries(needs ?? {}).filter(([key]) => key !== tokenKey(want))
  return others.length === 0 ? content : { ...content, needs: Object.fromEntries(others) }
}

/** The session lives, and its next token waits for the person. Whoever has the call adds the way. */
export const loginNeeded = (stepUp: StepUpDemand, cause?: unknown): BrokerError =>
  new BrokerError('step_up_required', { stepUp, cause })

export const refuseUntilLogin = (vault: Vault, want: TokenWant, nowMs: number): void => {
  const needed = neededLogin(vault, want, nowMs)
  if (needed !== undefined) throw loginNeeded(needed)
}
