import type { RecordId } from '../core/ids.ts'
import type { Backend, EndReason, Found, RecordKind, StoredRecord } from './backend.ts'
import type { RedisKeys } from './keys.ts'
import type { RedisClient } from './redis-client.ts'
import type { Script } from './redis-scripts.ts'
import { BrokerError } from '../core/errors.ts'
import { redisKeys } from './keys.ts'
import { bareError, replyCode } from './redis-error.ts'
import * as scripts from './redis-scripts.ts'

/** The store on Redis: each verb is one script, so that it happens as a whole or not at all. */
export const redisBackend = ({ client, prefix }: RedisBackendDeps): Backend => {
  const keys = redisKeys(prefix)
  const run = scriptRunner(client)
  return {
    ...sessionVerbs(run, keys),
    ...lockVerbs(run, keys),
    ...loginVerbs(run, keys),
    ...valueVerbs(run, client, keys),
    ping: async () => {
      await answer(client.ping())
    },
    close: () => close(client),
  }
}

export type RedisBackendDeps = { readonly client: RedisClient; readonly prefix: string }

type RunScript = (
  script: Script,
  keys: readonly string[],
  args: readonly (string | number | Buffer)[],
) => Promise<unknown>

const recordKinds = ['session', 'vault', 'listing'] as const satisfies readonly RecordKind[]
const createOutcomes = ['created', 'exists', 'ended'] as const
const updateOutcomes = ['updated', 'conflict', 'gone'] as const

const sessionVerbs = (run: RunScript, keys: RedisKeys) => {
  const allKeys = (id: RecordId) => [
    ...recordKinds.map((kind) => keys.record(id, kind)),
    keys.tombstone(id),
  ]
  const recordKeys = (id: RecordId, kind: RecordKind) => [keys.record(id, kind), keys.tombstone(id)]
  return {
    create: async (id, kind, sealed, { idleSeconds, absoluteSeconds }) => {
      const args = [sealed, wholeMs(idleSeconds * 1_000), wholeMs(absoluteSeconds * 1_000)]
      return oneOf(createOutcomes, await run(scripts.createScript, recordKeys(id, kind), args))
    },
    read: async (id, slideIdleSeconds) => {
      const slideMs = slideIdleSeconds === undefined ? 0 : wholeMs(slideIdleSeconds * 1_000)
      return found(await run(scripts.readScript, allKeys(id), [slideMs]))
    },
    update: async (id, kind, expected, sealed) => {
      const args = [String(expected), sealed]
      return oneOf(updateOutcomes, await run(scripts.updateScript, recordKeys(id, kind), args))
    },
    end: async (id, reason, absoluteSeconds) => {
      await run(scripts.endScript, allKeys(id), [reason, wholeMs(absoluteSeconds * 1_000)])
    },
  } satisfies Partial<Backend>
}

const lockVerbs = (run: RunScript, keys: RedisKeys) =>
  ({
    lock: async (id, name, holdMs) => {
      const lockKeys = [keys.lock(id, name), keys.fence(id)]
      const fence = await run(scripts.lockScript, lockKeys, [wholeMs(holdMs)])
      return typeof fence === 'number' ? fence : undefined
    },
    unlock: async (id, name, fence) => {
      await run(scripts.unlockScript, [keys.lock(id, name)], [fence])
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
    take: async (key) => bytes(await run(scripts.takeScript, [keys.value(key)], [])),
  }) satisfies Partial<Backend>

/** EVALSHA, and EVAL where Redis does not know the script (restarted, failed over, flushed). */
const scriptRunner =
  (client: RedisClient): RunScript =>
  (script, keys, args) => {
    const rest = [keys.length, ...keys, ...args]
    const known = client.callBuffer('evalsha', [script.sha1, ...rest])
    return answer(
      known.catch((error: unknown) => {
        if (replyCode(error) !== 'NOSCRIPT') throw error
        return client.callBuffer('eval', [script.lua, ...rest])
      }),
    )
  }

// Below 2 s together with what comes before and after. It bounds two commands in a row, and a Cluster client's
// queue, where ioredis has no timeout at all.
const answerMs = 1_800

/** What Redis answers in time; everything else is `store_unavailable`, never "nothing there". */
const answer = async <T>(reply: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const error = new Error(`no answer from Redis in ${answerMs} ms`)
    timer = setTimeout(() => reject(error), answerMs)
  })
  try {
    return await Promise.race([reply, late])
  } catch (error) {
    throw unavailable(error)
  } finally {
    clearTimeout(timer)
  }
}

const unavailable = (error: unknown): BrokerError =>
  new BrokerError('store_unavailable', { cause: bareError(error), retryAfterSeconds: 1 })

const close = async (client: RedisClient): Promise<void> => {
  try {
    await answer(client.quit())
  } catch {
    // Redis is away: there is nobody to say goodbye to.
    client.disconnect()
  }
}

/** Fails closed: what cannot be understood is no "logged out". */
const unexpected = (): BrokerError => unavailable(new Error('unexpected reply from Redis'))

/** Redis takes whole milliseconds, at least one. */
const wholeMs = (ms: number): number => Math.max(1, Math.ceil(ms))

const oneOf = <T>(outcomes: readonly T[], reply: unknown): T => {
  const outcome = typeof reply === 'number' ? outcomes[reply] : undefined
  if (outcome === undefined) throw unexpected()
  return outcome
}

const bytes = (reply: unknown): Buffer | undefined => (Buffer.isBuffer(reply) ? reply : undefined)

const found = (reply: unknown): Found => {
  const [kind, first, vault, idleLeftMs, absoluteLeftMs] = Array.isArray(reply)
    ? (reply as unknown[])
    : []
  if (kind === 0) return { kind: 'missing' }
  if (kind === 1) return { kind: 'ended', reason: endReason(bytes(first)) }
  const session = storedRecord(bytes(first))
  if (kind !== 2 || session === undefined) throw unexpected()
  return {
    kind: 'live',
    session,
    vault: storedRecord(bytes(vault)),
    idleLeftMs: Number(idleLeftMs),
    absoluteLeftMs: Number(absoluteLeftMs),
  }
}

/** An unreadable tombstone still says that the session is over. */
const endReason = (tombstone: Buffer | undefined): EndReason =>
  tombstone?.toString() === 'session_expired' ? 'session_expired' : 'session_revoked'

const recordHeader = /^(\d{1,15}):(\d{1,15}):/

/** Version and sealed bytes of `<version>:<deadline>:<sealed>`; anything else is no record. */
const storedRecord = (record: Buffer | undefined): StoredRecord | undefined => {
  const header = recordHeader.exec(record?.toString('latin1', 0, 32) ?? '')
  if (record === undefined || header === null) return undefined
  return { version: Number(header[1]), sealed: record.subarray(header[0].length) }
}
