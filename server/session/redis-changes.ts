import { monotonicMs } from '../core/clock.ts'
import { asRecordId } from '../core/ids.ts'
import type { ChangeListener } from './backend.ts'
import type { RedisClient } from './redis-client.ts'
import { anotherConnection } from './redis-client.ts'
import { closeClient } from './redis-run.ts'

/** Where SUBSCRIBE fails and the connection stays: its answer came too late, or an ACL forbids it. */
const subscribeAgainMs = 1_000
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

const subscribe = (client: RedisClient, channel: string, tell: ChangeListener) => {
  const subscriber = anotherConnection(client)
  const heard = echoes(subscriber)
  let again: NodeJS.Timeout | undefined
  const begin = (): void => {
    clearTimeout(again)
    if (subscriber.status !== 'ready') return
    subscriber.subscribe(channel).then(
      () => {
        // First the listeners forget, then echoes count again.
        tell('all')
        heard.begin()
      },
      () => {
        again = setTimeout(begin, subscribeAgainMs).unref()
      },
    )
  }
  subscriber.on('message', (_channel: string, id: string) => tell(asRecordId(id)))
  subscriber.on('ready', begin)
  subscriber.on('close', heard.end)
  // What the client finds when it connects again may be another master, and news of what it reads there comes from there.
  client.on('close', () => {
    heard.end()
    if (subscriber.status === 'ready') subscriber.disconnect(true)
  })
  return { heardUntilMs: heard.untilMs, close: () => closeClient(subscriber) }
}

/**
 * One connection delivers in order: when the echo of a PING is here, so is all news from before it was sent. In a Cluster news
 * comes from other nodes in its own time, and an echo proves nothing.
 */
const echoes = (subscriber: RedisClient) => {
  const state = { untilMs: -Infinity, askedAtMs: -Infinity, waiting: 0, counts: false }
  const ask = (nowMs: number): void => {
    state.askedAtMs = nowMs
    state.waiting += 1
    const settle = (heardMs: number) => {
      state.waiting -= 1
      if (state.counts) state.untilMs = Math.max(state.untilMs, heardMs)
    }
    subscriber.ping().then(
      () => settle(nowMs),
      () => settle(-Infinity),
    )
  }
  return {
    begin: (): void => {
      state.counts = !subscriber.isCluster
    },
    end: (): void => {
      state.counts = false
      state.untilMs = -Infinity
    },
    untilMs: (): number => {
      const nowMs = monotonicMs()
      const isTime = nowMs - state.askedAtMs >= askEveryMs && state.waiting < mostAsked
      if (state.counts && isTime) ask(nowMs)
      return state.untilMs
    },
  }
}
