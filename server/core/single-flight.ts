/** Runs one call per key at a time; whoever comes meanwhile gets the same promise. */
export const singleFlight = <T>() => {
  const running = new Map<string, Promise<T>>()
  return (key: string, start: () => Promise<T>): Promise<T> => {
    const current = running.get(key)
    if (current !== undefined) return current
    const flight = start().finally(() => running.delete(key))
    running.set(key, flight)
    return flight
  }
}

/** The promises of work that must end before the process may. */
export const pendingWork = () => {
  const pending = new Set<Promise<unknown>>()
  return {
    /** Keeps account of a promise; its failure is for whoever awaits it. */
    add: <T>(work: Promise<T>): Promise<T> => {
      pending.add(work)
      const done = () => pending.delete(work)
      work.then(done, done)
      return work
    },
    /** Waits until everything added so far, and what that adds, has settled. */
    settled: async (): Promise<void> => {
      while (pending.size > 0) await Promise.allSettled(pending)
    },
  }
}
