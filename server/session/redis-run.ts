import { withDeadline } from '../core/deadline.ts'
import { BrokerError } from '../core/errors.ts'
import type { RedisClient } from './redis-client.ts'
import { bareError, replyCode } from './redis-error.ts'
import type { Script } from './redis-scripts.ts'

export type ScriptArguments = readonly (string | number | Buffer)[]

export type RunScript = (
  script: Script,
  keys: readonly string[],
  args: ScriptArguments,
) => Promise<unknown>

/** EVALSHA, and EVAL where Redis does not know the script (restarted, failed over, flushed). */
export const scriptRunner =
  (client: RedisClient): RunScript =>
  (script, keys, args) => {
    const rest = [keys.length, ...keys, ...args]
    const known = client.callBuffer('evalsha', [script.sha1, ...rest])
    return answer(
      known.catch((error: unknown) => {
        if (replyCode(error) !== 'NOSCRIPT') throw error
        return client.callBuffer('eval', [script.lua, ...rest])
      }),
    )
  }

// Below 2 s together with what comes before and after. It bounds two commands in a row, and a Cluster client's
// queue, where ioredis has no timeout at all.
const answerMs = 1_800

/** What Redis answers in time; everything else is `store_unavailable`, never "nothing there". */
export const answer = async <T>(reply: Promise<T>): Promise<T> => {
  try {
    return await withDeadline(reply, answerMs, noAnswer)
  } catch (error) {
    throw unavailable(error)
  }
}

const noAnswer = () => new Error(`no answer from Redis in ${answerMs} ms`)

/** The one error of a store that cannot answer; its cause is fit for the log. */
export const unavailable = (error: unknown): BrokerError =>
  new BrokerError('store_unavailable', { cause: bareError(error), retryAfterSeconds: 1 })

/** Says goodbye, or hangs up where nobody listens. */
export const closeClient = async (client: RedisClient): Promise<void> => {
  try {
    await answer(client.quit())
  } catch {
    client.disconnect()
  }
}
