import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import type { Cleanup, RedisServer } from '../support/redis-server.ts'
import { startRedis } from '../support/redis-server.ts'

const name = 'chaos'
const durable = ['--save', '', '--appendonly', 'yes']

/** A primary, its replica and three Sentinels that agree by two. */
export const startSentinelGroup = async (t: Cleanup) => {
  const first = await startRedis(t, durable)
  const second = await startRedis(t, [...durable, '--replicaof', `127.0.0.1 ${first.port}`])
  const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(t, first.port)))
  await until('a replica in step', () => says(second, 'replication', 'master_link_status:up'))
  await until('Sentinels that know each other', async () => {
    const known = await Promise.all(sentinels.map((one) => says(one, 'sentinel', 'sentinels=3')))
    return known.every(Boolean)
  })
  const nodes = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(',')
  return {
    url: `redis+sentinel://${nodes}/${name}`,
    /** The one that is primary now, and the other. */
    roles: async () => {
      const isFirst = await says(first, 'replication', 'role:master')
      return isFirst ? { primary: first, other: second } : { primary: second, other: first }
    },
    /** Resolves when this node is primary; the result is when. */
    promoted: async (node: RedisServer): Promise<number> => {
      await until('a promotion', () => says(node, 'replication', 'role:master'))
      return Date.now()
    },
    /** Resolves when this node, back again, follows the other. */
    following: (node: RedisServer) =>
      until('a replica in step', () => says(node, 'replication', 'master_link_status:up')),
  }
}

const startSentinel = async (t: Cleanup, port: number): Promise<RedisServer> => {
  const dir = await mkdtemp(join(tmpdir(), 'latchkey-chaos-sentinel-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const file = join(dir, 'sentinel.conf')
  const rules = [
    `monitor ${name} 127.0.0.1 ${port} 2`,
    `down-after-milliseconds ${name} 1000`,
    `failover-timeout ${name} 5000`,
  ]
  await writeFile(file, rules.map((rule) => `sentinel ${rule}\n`).join(''))
  return await startRedis(t, [], [file, '--sentinel'])
}

const says = async ({ port }: RedisServer, section: string, words: string): Promise<boolean> => {
  const client = new Redis({ port, lazyConnect: true, retryStrategy: () => null, protocol: 2 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return (await client.info(section)).includes(words)
  } catch {
    return false
  } finally {
    client.disconnect()
  }
}

const until = async (what: string, holds: () => Promise<boolean>): Promise<void> => {
  for (let attempt = 0; attempt < 600; attempt += 1) {
    if (await holds()) return
    await sleep(50)
  }
  throw new Error(`waited in vain for ${what}`)
}
