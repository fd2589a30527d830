import { BrokerError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import { parseReturnTo } from '../core/return-to.ts'
import type { StepUpDemand } from '../core/step-up.ts'
import { goesRound } from '../core/step-up.ts'
import type { Call } from '../http/call.ts'
import { isOwnAddress, loginPath } from '../http/endpoints.ts'
import { header } from '../http/raw-headers.ts'
import type { LiveSession } from '../session/records.ts'
import type { StepUpHandles } from './handles.ts'

export type AskStepUpDeps = {
  readonly log: Log
  readonly nowMs: () => number
  readonly origin: string
  /** The prefix of the tenant's paths. */
  readonly base: string
  readonly keep: StepUpHandles['keep']
}

/**
 * The refusal of a call whose login is too weak: `step_up_required` with the way to a stronger one, or `step_up_failed` with none
 * where that way has been gone again and again.
 */
export const askStepUp =
  (deps: AskStepUpDeps) =>
  async (call: Call, session: LiveSession, demand: StepUpDemand): Promise<BrokerError> => {
    const { recordId, facts } = session
    if (goesRound(facts.stepUps ?? [], demand, deps.nowMs())) {
      deps.log.warn({ record: recordId, demand }, 'no end of step-ups: the last ones did not help')
      return new BrokerError('step_up_failed')
    }
    const handle = await deps.keep(session, demand)
    const returnTo = encodeURIComponent(whereTheAppWas(call, deps))
    return new BrokerError('step_up_required', {
      loginUrl: `${loginPath}?return_to=${returnTo}&step_up=${handle}`,
    })
  }

/** The page that made the call, where the browser says so and it is the app's. */
const whereTheAppWas = (call: Call, { origin, base }: AskStepUpDeps): string => {
  const referrer = header(call, 'referer') ?? ''
  const home = `${base}/`
  if (!URL.canParse(referrer)) return home
  const url = new URL(referrer)
  if (url.origin !== origin || isOwnAddress(belowBase(url.pathname, base))) return home
  const parsed = parseReturnTo(`${url.pathname}${url.search}`)
  return parsed.ok ? parsed.value : home
}

const belowBase = (path: string, base: string): string =>
  path.startsWith(`${base}/`) ? path.slice(base.length) : path
