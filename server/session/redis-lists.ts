import { asRecordId } from '../core/ids.ts'
import type { Backend } from './backend.ts'
import type { RedisKeys } from './keys.ts'
import type { RedisClient } from './redis-client.ts'
import type { DurableWrites } from './redis-durable.ts'
import { answer } from './redis-run.ts'
import * as scripts from './redis-scripts.ts'

/** Lists of sessions, marks and once-only keys: what finds a session without its cookie. */
export const listVerbs = (client: RedisClient, durable: DurableWrites, keys: RedisKeys) =>
  ({
    addToList: async (list, id, lifeMs) => {
      await durable.run(scripts.addToListScript, [keys.list(list)], [id, Math.ceil(lifeMs)])
    },
    listed: async (list) => {
      const ids = await answer(client.zrange(keys.list(list), '0', '-1'))
      return ids.map(asRecordId)
    },
    raiseMark: async (mark, value, ttlMs) => {
      const write = {
        script: scripts.raiseMarkScript,
        keys: [keys.mark(mark)],
        args: [value, Math.ceil(ttlMs)],
      }
      await durable.run(write.script, write.keys, write.args)
      durable.remember(() => write, 0)
    },
    markOf: async (mark) => {
      const value = await answer(client.get(keys.mark(mark)))
      return value === null ? undefined : Number(value)
    },
    putOnce: async (key, ttlMs) =>
      (await answer(client.set(keys.once(key), '1', 'PX', Math.ceil(ttlMs), 'NX'))) === 'OK',
  }) satisfies Partial<Backend>
