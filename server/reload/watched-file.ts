import { watchFile } from 'node:fs'

/** Not by the system's own notices: they are about a file, and a new one is often put in its place. */
const lookMs = 1_000
/** Longer than from one look to the next, so that a file which is still being written is found changed again. */
const quietMs = 1_200

/**
 * Calls when a file has changed and has then stayed as it is for a moment. Half a file can read like a whole one with fewer tenants,
 * and these would lose their sessions.
 */
export const whenRewritten = (file: string, run: () => void): void => {
  let timer: NodeJS.Timeout | undefined
  watchFile(file, { interval: lookMs, persistent: false }, () => {
    clearTimeout(timer)
    timer = setTimeout(run, quietMs).unref()
  })
}
