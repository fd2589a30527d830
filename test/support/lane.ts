import { spawnSync } from 'node:child_process'
import process from 'node:process'

/**
 * Why a lane cannot run here, for node:test's `skip`; false when it can.
 * With LATCHKEY_ALL_LANES=1, as `.ci/run` has it, nothing is skipped: a missing program fails the lane.
 */
export const laneSkip = (
  program: string,
  args: readonly string[],
  advice: string,
): string | false => {
  const missing = spawnSync(program, args, { stdio: 'ignore' }).error !== undefined
  if (!missing) return false
  if (process.env['LATCHKEY_ALL_LANES'] === '1') return false
  return `skipped: ${program} is not installed. ${advice}`
}
