import { setTimeout as sleep } from 'node:timers/promises'

/** Resolves when something answers at this address; rejects after 15 s. */
export const untilAnswered = async (url: string): Promise<void> => {
  for (let tries = 0; tries < 300; tries += 1) {
    const answered = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(1_000) })
      .then(async (response) => {
        await response.arrayBuffer()
        return true
      })
      .catch(() => false)
    if (answered) return
    await sleep(50)
  }
  throw new Error(`nothing answers at ${url}`)
}
