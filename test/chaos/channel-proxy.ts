import type { Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { readScript } from '../../server/session/redis-scripts.ts'
import type { Cleanup } from '../support/redis-server.ts'
import { commandReader } from './command-proxy.ts'
import { historyMs } from './history.ts'

/**
 * What becomes of a broker's connection for news: destroyed and refused; late by so many ms in the direction to the broker;
 * silent: nothing comes through to the broker; unheard: news comes, and no PING reaches Redis.
 */
export type ChannelFault =
  | { readonly kind: 'healthy' | 'cut' | 'silent' | 'unheard' }
  | { readonly kind: 'late'; readonly byMs: number }

export type ChannelProxy = {
  readonly url: string
  readonly set: (fault: ChannelFault) => void
}

/**
 * A TCP proxy between one broker and Redis that tells the subscriber's connection by its SUBSCRIBE, and can spoil it alone.
 * `onLook` hears of each look at a session that a call may rest on.
 */
export const startChannelProxy = async (
  t: Cleanup,
  redisPort: number,
  onLook: (session: string, atMs: number) => void,
): Promise<ChannelProxy> => {
  const state: { fault: ChannelFault } = { fault: { kind: 'healthy' } }
  const links = new Set<Link>()
  const server = createServer((client) => {
    const redis = connect(redisPort, '127.0.0.1')
    const link = joined(client, redis, () => state.fault, onLook)
    links.add(link)
    for (const socket of [client, redis]) {
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        links.delete(link)
        link.end()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const link of links) link.end()
    return new Promise<void>((resolve) => void server.close(() => resolve()))
  })
  // A listening TCP server has an address of this shape.
  const { port } = server.address() as AddressInfo
  return {
    url: `redis://127.0.0.1:${port}`,
    set: (fault) => {
      state.fault = fault
      for (const link of links) link.changed()
    },
  }
}

type Link = { readonly changed: () => void; readonly end: () => void }

const joined = (
  client: Socket,
  redis: Socket,
  faultNow: () => ChannelFault,
  onLook: (session: string, atMs: number) => void,
): Link => {
  let isSubscriber = false
  const toRedis = inOrder((bytes) => redis.write(bytes))
  const toBroker = inOrder((bytes) => client.write(bytes))
  const delayMs = () => (isSubscriber ? newsDelayMs(faultNow()) : 0)
  const pingDelayMs = () => (isSubscriber && faultNow().kind === 'unheard' ? Infinity : 0)
  const end = () => {
    for (const side of [toRedis, toBroker]) side.stop()
    client.destroy()
    redis.destroy()
  }
  const changed = () => {
    if (isSubscriber && faultNow().kind === 'cut') return end()
    toRedis.pump()
    toBroker.pump()
  }
  const pass = (command: Buffer, name: string) => {
    isSubscriber ||= name === 'subscribe'
    if (isSubscriber && faultNow().kind === 'cut') return end()
    for (const session of sessionsLookedAt(command, name)) onLook(session, historyMs())
    toRedis.push(command, name === 'ping' ? pingDelayMs : noDelay)
  }
  client.on('data', commandReader(pass))
  redis.on('data', (bytes) => toBroker.push(bytes, delayMs))
  return { changed, end }
}

const noDelay = () => 0

const newsDelayMs = (fault: ChannelFault): number => {
  if (fault.kind === 'late') return fault.byMs
  return fault.kind === 'silent' ? Infinity : 0
}

type Waiting = { readonly bytes: Buffer; readonly atMs: number; readonly delayMs: () => number }

/** Writes each piece when its delay is over, as it stands then; never one before an earlier one. */
const inOrder = (write: (bytes: Buffer) => void) => {
  const queue: Waiting[] = []
  let timer: NodeJS.Timeout | undefined
  const pump = (): void => {
    clearTimeout(timer)
    for (let next = queue[0]; next !== undefined; next = queue[0]) {
      const leftMs = next.atMs + next.delayMs() - historyMs()
      if (leftMs > 0) {
        if (leftMs < Infinity) timer = setTimeout(pump, leftMs)
        return
      }
      queue.shift()
      write(next.bytes)
    }
  }
  return {
    push: (bytes: Buffer, delayMs: () => number): void => {
      queue.push({ bytes, atMs: historyMs(), delayMs })
      if (queue.length === 1) pump()
    },
    pump,
    stop: (): void => {
      clearTimeout(timer)
      queue.length = 0
    },
  }
}

/** Places of the script, the number of keys and the first of them in an EVALSHA, each after the line that says its length. */
const at = { sha: 4, keys: 6, key: 8 }
const keysOfSession = 4

/** The sessions, where a command reads and slides them: no other look may serve a call. */
const sessionsLookedAt = (command: Buffer, name: string): string[] => {
  if (name !== 'evalsha') return []
  const parts = command.toString('latin1').split('\r\n')
  const keys = Number(parts[at.keys])
  const slideMs = parts[at.key + 2 * keys]
  if (parts[at.sha] !== readScript.sha1 || slideMs === '0') return []
  return Array.from({ length: keys / keysOfSession }, (_, n) => {
    const key = parts[at.key + 2 * keysOfSession * n] ?? ''
    return /\{(.+)\}/.exec(key)?.[1] ?? key
  })
}
