import type { Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { Cleanup } from '../support/redis-server.ts'

export type CommandProxy = {
  readonly url: string
  /** Commands of the broker's own that went by since the last `arm` or `disarm`. */
  readonly count: () => number
  /**
   * At the k-th command from now: `before`, it never reaches Redis; `after`, Redis has run it and its answer is lost.
   * Until `disarm`, nothing more goes either way.
   */
  readonly arm: (kth: number, when: 'before' | 'after', strike: () => void) => void
  readonly disarm: () => void
}

/** Not caused by what a user does: they come by themselves, at any time. */
const byThemselves = new Set(['ping', 'info', 'subscribe', 'quit', 'select', 'wait', 'auth'])

/** A TCP proxy between one broker and Redis that counts commands and can strike at any of them. */
export const startCommandProxy = async (t: Cleanup, redisPort: number): Promise<CommandProxy> => {
  const state = { count: 0, kth: 0, when: 'before', struck: false, strike: (): void => undefined }
  const set = (change: Partial<typeof state>) =>
    Object.assign(state, { count: 0, struck: false }, change)
  const sockets = new Set<Socket>()
  const strike = () => {
    state.struck = true
    state.strike()
  }

  const server = createServer((client) => {
    const redis = connect(redisPort, '127.0.0.1')
    let strikesAtAnswer = false
    const pass = (command: Buffer, name: string) => {
      if (state.struck) return
      if (!byThemselves.has(name)) state.count += 1
      const isMeant = state.kth > 0 && state.count === state.kth && !byThemselves.has(name)
      if (isMeant && state.when === 'before') return strike()
      strikesAtAnswer ||= isMeant
      redis.write(command)
    }
    client.on('data', commandReader(pass))
    redis.on('data', (answer) => {
      if (strikesAtAnswer && !state.struck && state.kth > 0) strike()
      if (!state.struck) client.write(answer)
    })
    for (const [one, other] of [
      [client, redis],
      [redis, client],
    ] as const) {
      sockets.add(one)
      one.setNoDelay(true)
      one.on('error', () => undefined)
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise<void>((resolve) => void server.close(() => resolve()))
  })
  // A listening TCP server has an address of this shape.
  const { port } = server.address() as AddressInfo
  return {
    url: `redis://127.0.0.1:${port}`,
    count: () => state.count,
    arm: (kth, when, act) => void set({ kth, when, strike: act }),
    disarm: () => void set({ kth: 0 }),
  }
}

/** Cuts a stream into commands: arrays of bulk strings, as every client sends them. */
export const commandReader = (onCommand: (command: Buffer, name: string) => void) => {
  let rest = Buffer.alloc(0)
  return (chunk: Buffer): void => {
    rest = Buffer.concat([rest, chunk])
    for (let end = commandEnd(rest); end !== undefined; end = commandEnd(rest)) {
      const command = rest.subarray(0, end)
      rest = rest.subarray(end)
      onCommand(command, nameOf(command))
    }
  }
}

const lineEnd = (bytes: Buffer, from: number): number | undefined => {
  const at = bytes.indexOf('\r\n', from, 'latin1')
  return at < 0 ? undefined : at
}

/** Where the first whole command ends; undefined while it is still coming. */
const commandEnd = (bytes: Buffer): number | undefined => {
  const first = lineEnd(bytes, 0)
  if (first === undefined) return undefined
  let at = first + 2
  for (let left = Number(bytes.toString('latin1', 1, first)); left > 0; left -= 1) {
    const end = lineEnd(bytes, at)
    if (end === undefined) return undefined
    at = end + 2 + Number(bytes.toString('latin1', at + 1, end)) + 2
    if (at > bytes.length) return undefined
  }
  return at
}

const nameOf = (command: Buffer): string => {
  const [, , name = ''] = command.toString('latin1', 0, 64).split('\r\n')
  return name.toLowerCase()
}
