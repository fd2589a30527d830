import type { Clock } from '../core/clock.ts'
import { monotonicMs } from '../core/clock.ts'
import type { RecordId } from '../core/ids.ts'
import type {
  Backend,
  ChangeListener,
  CreateOutcome,
  EndReason,
  Found,
  Known,
  Life,
  RecordKind,
  StoredRecord,
  TakenLogin,
  Unchanged,
  UpdateOutcome,
} from './backend.ts'
import type { ExpiringMap } from './expiring-map.ts'
import { expiringMap } from './expiring-map.ts'
import { listVerbs } from './memory-lists.ts'

/** The store in this process, for development: what it holds ends with it. Same behaviour as on Redis. */
export const memoryBackend = ({ clock }: { readonly clock: Clock }): Backend => {
  const listeners = new Set<ChangeListener>()
  const changed = (id: RecordId) => {
    for (const listener of listeners) listener(id)
  }
  const onChange: Backend['onChange'] = (listener) => {
    listeners.add(listener)
    return () => void listeners.delete(listener)
  }
  return {
    ...sessionVerbs(clock, changed),
    ...lockVerbs(clock, changed),
    ...loginVerbs(clock),
    ...valueVerbs(clock),
    ...listVerbs(clock),
    onChange,
    // All news is told before a write returns.
    onOwnWrite: onChange,
    heardUntilMs: monotonicMs,
    ping: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
}

type Changed = (id: RecordId) => void

type Kept = { readonly version: number; readonly deadlineMs: number; readonly sealed: Buffer }

const recordKinds = ['session', 'vault', 'listing'] as const satisfies readonly RecordKind[]
const hourMs = 3_600_000

/** A verb as the interface has it. It runs in one go, so nothing comes between its reads and its writes. */
const verb =
  <A extends readonly unknown[], R>(run: (...args: A) => R) =>
  (...args: A): Promise<R> =>
    Promise.resolve(run(...args))

type Records = {
  readonly records: ExpiringMap<Kept>
  readonly tombstones: ExpiringMap<EndReason>
}

const keyOf = (id: RecordId, kind: RecordKind): string => `${id}:${kind}`

const stored = ({ version, sealed }: Kept): StoredRecord => ({ version, sealed })

const sessionVerbs = (clock: Clock, changed: Changed) => {
  const kept: Records = { records: expiringMap(clock), tombstones: expiringMap(clock) }
  const end = ender(clock, kept, changed)
  const readListing = verb((id: RecordId) => {
    const listing = kept.records.get(keyOf(id, 'listing'))
    return listing && stored(listing)
  })
  return { ...readers(clock, kept), readListing, end, ...writers(clock, kept, changed) }
}

const writers = (clock: Clock, { records, tombstones }: Records, changed: Changed) => {
  const create = (id: RecordId, kind: RecordKind, sealed: Buffer, life: Life): CreateOutcome => {
    const key = keyOf(id, kind)
    if (tombstones.get(id) !== undefined) return 'ended'
    if (records.get(key) !== undefined) return 'exists'
    const deadlineMs = clock.nowMs() + life.absoluteSeconds * 1_000
    const lifeMs = Math.min(life.idleSeconds, life.absoluteSeconds) * 1_000
    records.set(key, { version: 1, deadlineMs, sealed: Buffer.from(sealed) }, lifeMs)
    changed(id)
    return 'created'
  }
  const update: Backend['update'] = verb((id, kind, expected, sealed): UpdateOutcome => {
    const key = keyOf(id, kind)
    const current = records.get(key)
    if (tombstones.get(id) !== undefined || current === undefined) return 'gone'
    if (current.version !== expected) return 'conflict'
    records.replace(key, { ...current, version: expected + 1, sealed: Buffer.from(sealed) })
    changed(id)
    return 'updated'
  })
  return { create: verb(create), update }
}

const readers = (clock: Clock, kept: Records) => {
  const read = reader(clock, kept)
  const again = async (known: Known, slideIdleSeconds: number): Promise<Found | Unchanged> => {
    const found = await read(known.id, slideIdleSeconds)
    if (found.kind !== 'live') return found
    const { session, vault, idleLeftMs, absoluteLeftMs } = found
    const isSame = isSealedAlike(session, known.session) && isSealedAlike(vault, known.vault)
    return isSame ? { kind: 'unchanged', idleLeftMs, absoluteLeftMs } : found
  }
  const readAgain: Backend['readAgain'] = (known, slideIdleSeconds) =>
    Promise.all(known.map((one) => again(one, slideIdleSeconds)))
  return { read, readAgain }
}

const isSealedAlike = (one: StoredRecord | undefined, other: StoredRecord | undefined): boolean =>
  one === undefined || other === undefined ? one === other : one.sealed.equals(other.sealed)

const reader = (clock: Clock, { records, tombstones }: Records): Backend['read'] => {
  const slide = (id: RecordId, slideMs: number, absoluteLeftMs: number) => {
    if (records.leftMs(keyOf(id, 'session')) >= slideMs * 0.9) return
    for (const kind of recordKinds)
      records.expire(keyOf(id, kind), Math.min(slideMs, absoluteLeftMs))
  }
  return verb((id, slideIdleSeconds): Found => {
    const reason = tombstones.get(id)
    if (reason !== undefined) return { kind: 'ended', reason }
    const session = records.get(keyOf(id, 'session'))
    if (session === undefined) return { kind: 'missing' }
    const vault = records.get(keyOf(id, 'vault'))
    const absoluteLeftMs = session.deadlineMs - clock.nowMs()
    if (slideIdleSeconds !== undefined) slide(id, slideIdleSeconds * 1_000, absoluteLeftMs)
    const idleLeftMs = records.leftMs(keyOf(id, 'session'))
    return {
      kind: 'live',
      session: stored(session),
      vault: vault && stored(vault),
      idleLeftMs,
      absoluteLeftMs,
    }
  })
}

const ender = (clock: Clock, { records, tombstones }: Records, changed: Changed): Backend['end'] =>
  verb((id, reason, absoluteSeconds): StoredRecord | undefined => {
    const vault = records.get(keyOf(id, 'vault'))
    const session = records.get(keyOf(id, 'session'))
    const leftMs = session ? session.deadlineMs - clock.nowMs() : absoluteSeconds * 1_000
    for (const kind of recordKinds) records.delete(keyOf(id, kind))
    if (tombstones.get(id) === undefined) tombstones.set(id, reason, Math.max(leftMs, hourMs))
    changed(id)
    return vault && stored(vault)
  })

const dayMs = 86_400_000

const lockVerbs = (clock: Clock, changed: Changed) => {
  const holders = expiringMap<number>(clock)
  const lockKey = (id: RecordId, name: string) => `${id}:${name}`
  const lastFences = expiringMap<number>(clock)
  let lastFence = 0
  return {
    lock: verb((id: RecordId, name: string, holdMs: number): number | undefined => {
      const key = lockKey(id, name)
      if (holders.get(key) !== undefined) return undefined
      lastFence += 1
      holders.set(key, lastFence, holdMs)
      lastFences.set(key, lastFence, holdMs + dayMs)
      return lastFence
    }),
    extend: verb((id: RecordId, name: string, fence: number, holdMs: number): boolean => {
      const key = lockKey(id, name)
      // One that ran out is taken again, unless somebody else has had it since.
      if (lastFences.get(key) !== fence) return false
      holders.set(key, fence, holdMs)
      return true
    }),
    unlock: verb((id: RecordId, name: string, fence: number): void => {
      const key = lockKey(id, name)
      if (holders.get(key) !== fence) return
      holders.delete(key)
      lastFences.delete(key)
      changed(id)
    }),
  }
}

const returnPartMs = 600_000

const loginVerbs = (clock: Clock) => {
  const pendings = expiringMap<Buffer>(clock)
  const returns = expiringMap<Buffer>(clock)
  /** Keys of each owner's logins, the oldest first. */
  const waiting = expiringMap<readonly string[]>(clock)
  const keyOf = (owner: string, state: string) => JSON.stringify([owner, state])
  const drop = (key: string) => {
    pendings.delete(key)
    returns.delete(key)
  }
  const putLogin: Backend['putLogin'] = verb((owner, state, login) => {
    const key = keyOf(owner, state)
    const others = (waiting.get(owner) ?? []).filter(
      (other) => other !== key && pendings.get(other) !== undefined,
    )
    pendings.set(key, Buffer.from(login.pending), login.ttlMs)
    returns.set(key, Buffer.from(login.return), login.ttlMs)
    const over = Math.max(0, others.length + 1 - login.cap)
    others.splice(0, over).forEach(drop)
    waiting.set(owner, [...others, key], Math.max(login.ttlMs, waiting.leftMs(owner)))
  })
  const takeLogin = (owner: string, state: string): TakenLogin => {
    const key = keyOf(owner, state)
    const taken = { pending: pendings.get(key), return: returns.get(key) }
    if (taken.pending === undefined) return taken
    pendings.delete(key)
    returns.expire(key, returnPartMs)
    return taken
  }
  return { putLogin, takeLogin: verb(takeLogin) }
}

const valueVerbs = (clock: Clock) => {
  const values = expiringMap<Buffer>(clock)
  return {
    put: verb((key: string, value: Buffer, ttlMs: number): void =>
      values.set(key, Buffer.from(value), ttlMs),
    ),
    peek: verb((key: string): Buffer | undefined => values.get(key)),
    take: verb((key: string): Buffer | undefined => {
      const value = values.get(key)
      values.delete(key)
      return value
    }),
  }
}
