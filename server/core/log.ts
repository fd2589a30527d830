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

/** The same log with some facts in every line. */
export const logWith = (log: Log, more: object): Log => ({
  debug: (facts, message) => log.debug({ ...more, ...facts }, message),
  info: (facts, message) => log.info({ ...more, ...facts }, message),
  warn: (facts, message) => log.warn({ ...more, ...facts }, message),
  error: (facts, message) => log.error({ ...more, ...facts }, message),
})
