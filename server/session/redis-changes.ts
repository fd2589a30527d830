import { monotonicMs } from '../core/clock.ts'
import { asRecordId } from '../core/ids.ts'
import type { ChangeListener } from './backend.ts'
import type { RedisClient } from './redis-client.ts'
import { anotherConnection } from './redis-client.ts'
import { closeClient } from './redis-run.ts'

/** Asked this often while somebody wants to know; a few may be on their way, where the store is far. */
const askEveryMs = 30
const mostAsked = 8

/** News of changed sessions from every instance, over one subscribed connection that is opened when first asked for. */
export const redisChanges = (client: RedisClient, channel: string) => {
  const listeners = new Set<ChangeListener>()
  const tell: ChangeListener = (id) => {
    for (const listener of listeners) listener(id)
  }
  let subscription: ReturnType<typeof subscribe> | undefined
  return {
    onChange: (listener: ChangeListener): (() => void) => {
      listeners.add(listener)
      subscription ??= subscribe(client, channel, tell)
      return () => void listeners.delete(listener)
    },
    heardUntilMs: (): number => subscription?.heardUntilMs() ?? -Infinity,
    close: async (): Promise<void> => {
      await subscription?.close()
    },
  }
}

/**
 * One connection delivers in order: when the echo of a PING is here, so is all news from before it was sent. In a Cluster news
 * comes from other nodes in its own time, and an echo proves nothing.
 */
const subscribe = (client: RedisClient, channel: string, tell: ChangeListener) => {
  const subscriber = anotherConnection(client)
  const echo = { untilMs: -Infinity, askedAtMs: -Infinity, waiting: 0, subscribed: false }
  subscriber.on('message', (_channel: string, id: string) => tell(asRecordId(id)))
  subscriber.on('ready', () => {
    subscriber.subscribe(channel).then(
      () => {
        // First the listeners forget, then echoes count again.
        tell('all')
        echo.subscribed = !subscriber.isCluster
      },
      () => undefined,
    )
  })
  subscriber.on('close', () => {
    echo.subscribed = false
    echo.untilMs = -Infinity
  })
  const ask = (nowMs: number): void => {
    echo.askedAtMs = nowMs
    echo.waiting += 1
    const settle = (heardMs: number) => {
      echo.waiting -= 1
      if (echo.subscribed) echo.untilMs = Math.max(echo.untilMs, heardMs)
    }
    subscriber.ping().then(
      () => settle(nowMs),
      () => settle(-Infinity),
    )
  }
  return {
    heardUntilMs: (): number => {
      const nowMs = monotonicMs()
      const isTime = nowMs - echo.askedAtMs >= askEveryMs && echo.waiting < mostAsked
      if (echo.subscribed && isTime) ask(nowMs)
      return echo.untilMs
    },
    close: () => closeClient(subscriber),
  }
}
