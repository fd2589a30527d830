import { asRecordId } from '../core/ids.ts'
import type { ChangeListener } from './backend.ts'
import type { RedisClient } from './redis-client.ts'
import { anotherConnection } from './redis-client.ts'
import { closeClient } from './redis-run.ts'

/** News of changed sessions from every instance, over one subscribed connection that is opened when first asked for. */
export const redisChanges = (client: RedisClient, channel: string) => {
  const listeners = new Set<ChangeListener>()
  const tell: ChangeListener = (id) => {
    for (const listener of listeners) listener(id)
  }
  let subscriber: RedisClient | undefined
  return {
    onChange: (listener: ChangeListener): (() => void) => {
      listeners.add(listener)
      subscriber ??= subscribe(client, channel, tell)
      return () => void listeners.delete(listener)
    },
    close: async (): Promise<void> => {
      if (subscriber !== undefined) await closeClient(subscriber)
    },
  }
}

const subscribe = (client: RedisClient, channel: string, tell: ChangeListener): RedisClient => {
  const subscriber = anotherConnection(client)
  subscriber.on('message', (_channel: string, id: string) => tell(asRecordId(id)))
  subscriber.on('ready', () => {
    subscriber.subscribe(channel).then(
      () => tell('all'),
      () => undefined,
    )
  })
  return subscriber
}
