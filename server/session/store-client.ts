import { BrokerError } from '../core/errors.ts'
import { parseSessionId } from '../core/ids.ts'
import type { Records } from './records.ts'

/** The part of ioredis that connect-redis 8.1.0 calls. */
export type StoreClient = {
  readonly get: (key: string) => Promise<string | null>
  readonly set: (key: string, value: string, ...expiry: readonly unknown[]) => Promise<'OK'>
  readonly del: (keys: readonly string[]) => Promise<number>
  readonly expire: (key: string, seconds: number) => Promise<number>
}

type Versioned = { readonly recordVersion?: number }

/**
 * The client that connect-redis talks to: our sealed, versioned records instead of plain keys.
 *
 * connect-redis writes unconditionally, which revives a session that was logged out meanwhile. Here a write creates
 * once or replaces the version it read, never over a tombstone; life comes from the settings, not from `EX`.
 */
export const storeClient = (records: Records): StoreClient => ({
  get: async (key) => {
    const id = parseSessionId(key)
    const state = id === undefined ? undefined : await records.read(id, false)
    if (state?.kind !== 'live') return null
    return JSON.stringify({ ...state.facts, recordVersion: state.record.version, cookie: {} })
  },
  set: async (key, value) => {
    const id = parseSessionId(key)
    if (id === undefined) throw new TypeError('not a session id of ours')
    // connect-redis hands over what JSON.stringify made of the session.
    const { recordVersion, ...content } = JSON.parse(value) as Versioned
    const outcome =
      recordVersion === undefined
        ? await records.create(id, 'session', content)
        : await records.update(id, 'session', recordVersion, content)
    if (outcome === 'created' || outcome === 'updated') return 'OK'
    throw new BrokerError('session_revoked', { cause: new Error(`session record: ${outcome}`) })
  },
  del: async (keys) => {
    const ids = keys.flatMap((key) => parseSessionId(key) ?? [])
    await Promise.all(ids.map((id) => records.end(id, 'session_revoked')))
    return ids.length
  },
  // Records slide in `records.read`, by the store's own clock.
  expire: () => Promise.resolve(1),
})
