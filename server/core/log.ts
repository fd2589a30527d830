/** What rooms write to the operator's log; facts as fields, never a secret, never a token. */
export type Log = {
  readonly debug: (facts: object, message: string) => void
  readonly info: (facts: object, message: string) => void
  readonly warn: (facts: object, message: string) => void
  readonly error: (facts: object, message: string) => void
}

/** A log that keeps quiet: for the embedding program that has not asked for one. */
export const silentLog: Log = (() => {
  const nothing = () => undefined
  return { debug: nothing, info: nothing, warn: nothing, error: nothing }
})()
