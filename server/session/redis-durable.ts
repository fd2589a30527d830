import type { Clock } from '../core/clock.ts'
import type { Log } from '../core/log.ts'
import type { RedisClient } from './redis-client.ts'
import { anotherConnection } from './redis-client.ts'
import type { RunScript, ScriptArguments } from './redis-run.ts'
import { answer, closeClient, scriptRunner } from './redis-run.ts'
import type { Script } from './redis-scripts.ts'

/** A write to be made again, should Redis come back without it. */
export type Assertion = (nowMs: number) => {
  readonly script: Script
  readonly keys: readonly string[]
  readonly args: ScriptArguments
}

export type DurableWrites = {
  /** Runs a script and, where Redis has replicas, waits until one of them has the write. */
  readonly run: RunScript
  /** Keeps a write for 60 s, to be made again after a reconnect. */
  readonly remember: (assertion: Assertion, bytes: number) => void
  readonly close: () => Promise<void>
}

const replicaWaitMs = 100
const lookAgainMs = 10_000

/**
 * Writes that must outlive a failover: logouts, new sessions, and every step of a refresh.
 * They have a connection of their own, since WAIT holds up all that follows on it.
 */
export const durableWrites = (client: RedisClient, clock: Clock, log: Log): DurableWrites => {
  const connection = anotherConnection(client)
  const run = scriptRunner(connection)
  const recent = recentWrites(clock)
  const replicas = replicaCount(connection, clock)
  connection.on('ready', () => {
    replicas.look()
    void assertAgain(run, recent.kept(), clock, log)
  })
  return {
    run: async (script, keys, args) => {
      const reply = await run(script, keys, args)
      if (replicas.count() > 0) await untilCopied(connection, log)
      return reply
    },
    remember: recent.remember,
    close: () => closeClient(connection),
  }
}

const untilCopied = async (connection: RedisClient, log: Log): Promise<void> => {
  const copies = await answer(connection.call('wait', 1, replicaWaitMs)).catch(() => 0)
  if (copies === 0) log.warn({}, 'no Redis replica has confirmed a write in time')
}

/** How many replicas Redis says it has. A Cluster client sends WAIT to any node, so there it counts as none. */
const replicaCount = (connection: RedisClient, clock: Clock) => {
  let count = 0
  let lookedAtMs = -Infinity
  const look = () => {
    lookedAtMs = clock.nowMs()
    if (connection.isCluster) return
    connection.info('replication').then(
      (text) => {
        count = Number(/^connected_slaves:(\d+)/m.exec(text)?.[1] ?? 0)
      },
      () => undefined,
    )
  }
  return {
    look,
    count: (): number => {
      if (clock.nowMs() - lookedAtMs > lookAgainMs) look()
      return count
    },
  }
}

const keepMs = 60_000
const keepBytes = 16 * 1_048_576

type Kept = { readonly assertion: Assertion; readonly atMs: number; readonly bytes: number }

/** The writes of the last minute, the oldest forgotten when they grow beyond 16 MiB. */
export const recentWrites = (clock: Clock) => {
  // A Set keeps the order of insertion, and gives up its first entry without moving the others.
  const writes = new Set<Kept>()
  let bytes = 0
  const forget = () => {
    const oldestMs = clock.nowMs() - keepMs
    for (const kept of writes) {
      if (kept.atMs >= oldestMs && bytes <= keepBytes) return
      writes.delete(kept)
      bytes -= kept.bytes
    }
  }
  return {
    remember: (assertion: Assertion, size: number): void => {
      writes.add({ assertion, atMs: clock.nowMs(), bytes: size })
      bytes += size
      forget()
    },
    /** In the order in which they were made. */
    kept: (): readonly Assertion[] => {
      forget()
      return [...writes].map(({ assertion }) => assertion)
    },
  }
}

const assertAgain = async (
  run: RunScript,
  assertions: readonly Assertion[],
  clock: Clock,
  log: Log,
): Promise<void> => {
  if (assertions.length === 0) return
  const results = await Promise.allSettled(
    assertions.map(async (assertion) => {
      const { script, keys, args } = assertion(clock.nowMs())
      await run(script, keys, args)
    }),
  )
  const failed = results.filter(({ status }) => status === 'rejected').length
  log.info({ writes: assertions.length, failed }, 'recent writes asserted again after a reconnect')
}
