import { Redis } from 'ioredis'

export type Calls = ReadonlyMap<string, number>

/** Redis's own counts, read over a connection that asks for nothing else. */
export const redisFigures = (url: string) => {
  const client = new Redis(url, { protocol: 2, disableClientInfo: true })
  const field = async (section: string, name: string): Promise<number> => {
    const info = await client.info(section)
    return Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1] ?? 'NaN')
  }
  const commandCalls = async (): Promise<Calls> => {
    const info = await client.info('commandstats')
    const lines = [...info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)]
    return new Map(lines.map(([, name = '', calls]) => [name, Number(calls)]))
  }
  return {
    usedBytes: () => field('memory', 'used_memory'),
    commandCalls,
    /** How often each command ran while `work` did; commands inside a script count as well, as Redis has it. */
    during: async (work: () => Promise<unknown>): Promise<Calls> => {
      const before = await commandCalls()
      await work()
      const after = await commandCalls()
      const grown = [...after].map(
        ([name, calls]) => [name, calls - (before.get(name) ?? 0)] as const,
      )
      return new Map(grown.filter(([name, calls]) => calls > 0 && !ownCommands.has(name)))
    },
    /** Milliseconds a key has left, each `everyMs` for `forMs`. */
    watchLife: async (key: string, { everyMs, forMs }: { everyMs: number; forMs: number }) => {
      const seen: number[] = []
      const endMs = performance.now() + forMs
      while (performance.now() < endMs) {
        seen.push(await client.pttl(key))
        await new Promise((resolve) => setTimeout(resolve, everyMs))
      }
      return seen
    },
    keys: (pattern: string) => client.keys(pattern),
    bytesOf: async (key: string) =>
      Number(await client.call('memory', 'usage', key, 'samples', '0')),
    close: () => {
      client.disconnect()
      return Promise.resolve()
    },
  }
}

export type RedisFigures = ReturnType<typeof redisFigures>

/** What this page itself asks. */
const ownCommands = new Set(['info'])

/** Commands that clients have sent while `work` ran: those inside a script are not round trips. */
export const commandsSent = async (
  url: string,
  work: () => Promise<unknown>,
): Promise<readonly string[]> => {
  const client = new Redis(url, { protocol: 2, disableClientInfo: true })
  const monitor = await client.monitor()
  const sent: string[] = []
  monitor.on('monitor', (_time: string, [name = '']: string[], source: string) => {
    if (source !== 'lua') sent.push(name.toLowerCase())
  })
  await work()
  await client.ping('the last one')
  await new Promise((resolve) => setTimeout(resolve, 200))
  monitor.disconnect()
  client.disconnect()
  // Less this page's own.
  return sent.slice(0, sent.lastIndexOf('ping'))
}
