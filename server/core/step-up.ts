import type { Principal } from './principal.ts'

/** A stronger or fresher login than there was; at least one member is there. RFC 9470 section 4. */
export type StepUpDemand = {
  /** One of them will do; in order of preference. */
  readonly acrValues?: readonly string[] | undefined
  readonly maxAgeSeconds?: number | undefined
  /** The `claims` request parameter, as JSON (OpenID Connect Core 1.0 section 5.5). */
  readonly claims?: string | undefined
  /** What the provider is to show the person, where it does not say what it needs. */
  readonly prompt?: 'login' | 'consent' | 'select_account' | undefined
}

/** A step-up that ended in a session. */
export type StepUpDone = { readonly demand: string; readonly atMs: number }

/** A demand with whose session met it, and what that session had been through before. */
export type StepUp = {
  readonly demand: StepUpDemand
  readonly who: Pick<Principal, 'issuer' | 'sub'>
  readonly done: readonly StepUpDone[]
}

/** One text for one demand. */
export const demandText = ({ acrValues, maxAgeSeconds, claims, prompt }: StepUpDemand): string =>
  JSON.stringify([
    acrValues ?? null,
    maxAgeSeconds ?? null,
    claims ?? null,
    ...(prompt === undefined ? [] : [prompt]),
  ])

const rememberedMs = 300_000
const sameMost = 3
const anyMost = 10

const recent = (done: readonly StepUpDone[], nowMs: number): readonly StepUpDone[] =>
  done.filter(({ atMs }) => atMs > nowMs - rememberedMs)

/**
 * Whether one step-up more would be going round: the same demand was met three times within five minutes, or ten of any
 * kind. An API that is never content, or that thinks of a new demand each time, would send the browser to and fro for ever.
 */
export const goesRound = (
  done: readonly StepUpDone[],
  demand: StepUpDemand,
  nowMs: number,
): boolean => {
  const lately = recent(done, nowMs)
  const same = demandText(demand)
  return (
    lately.length >= anyMost || lately.filter((before) => before.demand === same).length >= sameMost
  )
}

/** What the session after a step-up has been through; another person begins with nothing. */
export const doneAfter = (
  { demand, who, done }: StepUp,
  principal: Pick<Principal, 'issuer' | 'sub'>,
  atMs: number,
): readonly StepUpDone[] => {
  if (principal.sub !== who.sub || principal.issuer !== who.issuer) return []
  return [...recent(done, atMs), { demand: demandText(demand), atMs }]
}
