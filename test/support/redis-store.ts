import { systemClock } from '../../server/core/clock.ts'
import { silentLog } from '../../server/core/log.ts'
import { secret } from '../../server/core/secret.ts'
import type { Backend } from '../../server/session/backend.ts'
import { redisBackend } from '../../server/session/redis-backend.ts'
import { connectRedis } from '../../server/session/redis-client.ts'
import type { RedisServer } from './redis-server.ts'

/** The store of one broker: connections of its own to a Redis that others share. */
export const redisStore = ({ url }: Pick<RedisServer, 'url'>): Backend => {
  const client = connectRedis(
    { nodes: secret([url]), prefix: 'x:', tlsVerify: true },
    () => undefined,
  )
  return redisBackend({ client, prefix: 'x:', clock: systemClock, log: silentLog })
}
