/** Whatever has to be ended when a part is over, last started first. */
export type Ending = { readonly after: (end: () => Promise<void>) => void }

/** Runs `use`, then ends everything it has started, also when it fails. */
export const withEnding = async <T>(use: (ending: Ending) => Promise<T>): Promise<T> => {
  const ends: (() => Promise<void>)[] = []
  try {
    return await use({ after: (end) => void ends.unshift(end) })
  } finally {
    for (const end of ends) await end()
  }
}
