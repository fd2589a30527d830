/**
 * Orders from outside, listened to from the start of the process: one that comes before anybody can carry it out waits until then.
 * A SIGHUP that nobody listens to ends the process.
 */
export const heldBack = (listen: (onOrder: () => void) => void) => {
  let isOwed = false
  let carryOut = (): void => {
    isOwed = true
  }
  listen(() => carryOut())
  return {
    /** From now on, and at once if an order has come before. */
    by: (run: () => void): void => {
      carryOut = run
      if (isOwed) run()
    },
  }
}
