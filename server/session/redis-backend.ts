import type { Clock } from '../core/clock.ts'
import type { RecordId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { Backend, ChangeListener, Known, RecordKind, StoredRecord } from './backend.ts'
import { sealedMarkBytes } from './backend.ts'
import type { RedisKeys } from './keys.ts'
import { redisKeys } from './keys.ts'
import { listVerbs } from './redis-lists.ts'
import { redisChanges } from './redis-changes.ts'
import type { RedisClient } from './redis-client.ts'
import type { DurableWrites } from './redis-durable.ts'
import { durableWrites } from './redis-durable.ts'
import { bytes, found, foundAgain, listed, oneOf, storedRecord } from './redis-replies.ts'
import type { RunScript } from './redis-run.ts'
import { answer, closeClient, scriptRunner } from './redis-run.ts'
import * as scripts from './redis-scripts.ts'

export type RedisBackendDeps = {
  readonly client: RedisClient
  readonly prefix: string
  readonly clock: Clock
  readonly log: Log
}

/** The store on Redis: each verb is one script, so that it happens as a whole or not at all. */
export const redisBackend = ({ client, prefix, clock, log }: RedisBackendDeps): Backend => {
  const keys = redisKeys(prefix)
  const run = scriptRunner(client)
  const durable = durableWrites(client, clock, log)
  const changes = redisChanges(client, keys.changes)
  const own = ownWrites()
  return {
    ...readers(client, run, keys),
    readListing: async (id) =>
      storedRecord((await answer(client.getBuffer(keys.record(id, 'listing')))) ?? undefined),
    ...listVerbs(client, durable, keys),
    ...own.told(writers(durable, keys, clock)),
    ...lockVerbs(run, keys),
    ...loginVerbs(run, keys),
    ...valueVerbs(run, client, keys),
    onChange: changes.onChange,
    onOwnWrite: own.listen,
    heardUntilMs: changes.heardUntilMs,
    ping: async () => {
      await answer(client.ping())
    },
    close: async () => {
      await Promise.all([closeClient(client), durable.close(), changes.close()])
    },
  }
}

const recordKinds = ['session', 'vault', 'listing'] as const satisfies readonly RecordKind[]
const createOutcomes = ['created', 'exists', 'ended'] as const
const updateOutcomes = ['updated', 'conflict', 'gone'] as const

const allKeys = (keys: RedisKeys, id: RecordId) => [
  ...recordKinds.map((kind) => keys.record(id, kind)),
  keys.tombstone(id),
]

/** So that Redis does nothing else for a fraction of a millisecond at most. */
const mostAtOnce = 32

const readers = (client: RedisClient, run: RunScript, keys: RedisKeys) => {
  const read = async (ids: readonly RecordId[], slideMs: number, marks: readonly Buffer[]) =>
    listed(await run(scripts.readScript, ids.flatMap((id) => allKeys(keys, id)), [slideMs, ...marks])) // prettier-ignore
  const readAgain = async (known: readonly Known[], slideIdleSeconds: number) => {
    const marks = known.flatMap(({ session, vault }) => [markOf(session), markOf(vault)])
    const ids = known.map(({ id }) => id)
    return (await read(ids, wholeMs(slideIdleSeconds * 1_000), marks)).map(foundAgain)
  }
  // In a Cluster each session has a slot of its own.
  const share = client.isCluster ? 1 : mostAtOnce
  return {
    read: async (id, slideIdleSeconds) => {
      const slideMs = slideIdleSeconds === undefined ? 0 : wholeMs(slideIdleSeconds * 1_000)
      return found((await read([id], slideMs, [noMark, noMark]))[0])
    },
    readAgain: async (known, slideIdleSeconds) => {
      const shares = Array.from({ length: Math.ceil(known.length / share) }, (_, i) =>
        readAgain(known.slice(i * share, (i + 1) * share), slideIdleSeconds),
      )
      return (await Promise.all(shares)).flat()
    },
  } satisfies Partial<Backend>
}

/** Each is made again after a reconnect, as far as it would still be right: Redis may have lost its last seconds. */
const writers = ({ run, remember }: DurableWrites, keys: RedisKeys, clock: Clock) => {
  const recordKeys = (id: RecordId, kind: RecordKind) => [keys.record(id, kind), keys.tombstone(id)]
  return {
    create: async (id, kind, sealed, { idleSeconds, absoluteSeconds }) => {
      const at = recordKeys(id, kind)
      const atMs = clock.nowMs()
      const write = (nowMs: number) => {
        const leftMs = (seconds: number) => wholeMs(seconds * 1_000 - (nowMs - atMs))
        return [sealed, leftMs(idleSeconds), leftMs(absoluteSeconds), keys.changes, id]
      }
      const reply = await run(scripts.createScript, at, write(atMs))
      const outcome = oneOf(createOutcomes, reply)
      const again = (nowMs: number) => ({
        script: scripts.createScript,
        keys: at,
        args: write(nowMs),
      })
      if (outcome === 'created') remember(again, sealed.length)
      return outcome
    },
    update: async (id, kind, expected, sealed) => {
      const at = recordKeys(id, kind)
      const write = (version: number) => [String(version), sealed, keys.changes, id]
      const reply = await run(scripts.updateScript, at, write(expected))
      const outcome = oneOf(updateOutcomes, reply)
      const again = { script: scripts.reassertScript, keys: at, args: write(expected + 1) }
      if (outcome === 'updated') remember(() => again, sealed.length)
      return outcome
    },
    end: async (id, reason, absoluteSeconds) => {
      const args = [reason, wholeMs(absoluteSeconds * 1_000), keys.changes, id]
      const write = { script: scripts.endScript, keys: allKeys(keys, id), args }
      const vault = await run(write.script, write.keys, write.args)
      remember(() => write, 0)
      return storedRecord(bytes(vault))
    },
  } satisfies Partial<Backend>
}

type Writers = Pick<Backend, 'create' | 'update' | 'end'>

/** This process hears of its own writes before whoever made them does: Redis's news of them is still on its way. */
const ownWrites = () => {
  const listeners = new Set<ChangeListener>()
  const told = async <T>(id: RecordId, write: Promise<T>): Promise<T> => {
    try {
      return await write
    } finally {
      for (const listener of listeners) listener(id)
    }
  }
  return {
    listen: (listener: ChangeListener): (() => void) => {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
    told: ({ create, update, end }: Writers): Writers => ({
      create: (id, ...rest) => told(id, create(id, ...rest)),
      update: (id, ...rest) => told(id, update(id, ...rest)),
      end: (id, ...rest) => told(id, end(id, ...rest)),
    }),
  }
}

const lockVerbs = (run: RunScript, keys: RedisKeys) =>
  ({
    lock: async (id, name, holdMs) => {
      const lockKeys = [keys.lock(id, name), keys.fence(id)]
      const fence = await run(scripts.lockScript, lockKeys, [wholeMs(holdMs)])
      return typeof fence === 'number' ? fence : undefined
    },
    extend: async (id, name, fence, holdMs) => {
      const lockKeys = [keys.lock(id, name), keys.fence(id)]
      return (await run(scripts.extendScript, lockKeys, [fence, wholeMs(holdMs)])) === 1
    },
    unlock: async (id, name, fence) => {
      const lockKeys = [keys.lock(id, name), keys.fence(id)]
      await run(scripts.unlockScript, lockKeys, [fence, keys.changes, id])
    },
  }) satisfies Partial<Backend>

const returnPartMs = 600_000

const loginVerbs = (run: RunScript, keys: RedisKeys) => {
  const places = (owner: string, state: string) => {
    const { waiting, pendingStem, returnStem } = keys.logins(owner)
    const member = keys.loginMember(state)
    const all = [waiting, pendingStem + member, returnStem + member]
    return { all, member, pendingStem, returnStem }
  }
  return {
    putLogin: async (owner, state, { pending, return: back, ttlMs, cap }) => {
      const { all, member, pendingStem, returnStem } = places(owner, state)
      const args = [pending, back, wholeMs(ttlMs), cap, member, pendingStem, returnStem]
      await run(scripts.putLoginScript, all, args)
    },
    takeLogin: async (owner, state) => {
      const { all, member } = places(owner, state)
      const reply = await run(scripts.takeLoginScript, all, [member, returnPartMs])
      const [pending, back] = Array.isArray(reply) ? (reply as unknown[]) : []
      return { pending: bytes(pending), return: bytes(back) }
    },
  } satisfies Partial<Backend>
}

const valueVerbs = (run: RunScript, client: RedisClient, keys: RedisKeys) =>
  ({
    put: async (key, value, ttlMs) => {
      await answer(client.set(keys.value(key), value, 'PX', wholeMs(ttlMs)))
    },
    peek: async (key) => (await answer(client.getBuffer(keys.value(key)))) ?? undefined,
    take: async (key) => bytes(await run(scripts.takeScript, [keys.value(key)], [])),
  }) satisfies Partial<Backend>

/** Redis takes whole milliseconds, at least one. */
const wholeMs = (ms: number): number => Math.max(1, Math.ceil(ms))

const noMark = Buffer.alloc(0)
const markOf = (record: StoredRecord | undefined): Buffer =>
  record?.sealed.subarray(0, sealedMarkBytes) ?? noMark
