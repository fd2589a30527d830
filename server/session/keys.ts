import type { RecordId } from '../core/ids.ts'
import type { RecordKind } from './backend.ts'
import { hash } from 'node:crypto'

const recordSuffix = {
  session: 's',
  vault: 'v',
  listing: 'l',
} as const satisfies Record<RecordKind, string>

/** Texts that a browser or an issuer chose become hashes: no key carries them, and no dump shows them. */
const digest = (text: string): string => hash('sha256', text, 'base64url')

/** Where the login transactions of one owner (a browser's login cookie) are. */
export type LoginKeys = {
  /** Sorted set of `member`s by the time they were put. */
  readonly waiting: string
  /** What the pending part's key starts with; `member` follows. */
  readonly pendingStem: string
  readonly returnStem: string
}

/** Every Redis key in one place; docs/storage.md has their values and lives. Braces are the Cluster hash tag. */
export const redisKeys = (prefix: string) => {
  // A brace in the prefix would become the hash tag, and one session's keys would fall into different slots.
  if (/[{}]/.test(prefix)) throw new Error('REDIS_PREFIX must not contain braces')
  return {
    record: (id: RecordId, kind: RecordKind) => `${prefix}{${id}}:${recordSuffix[kind]}`,
    tombstone: (id: RecordId) => `${prefix}{${id}}:t`,
    lock: (id: RecordId, name: string) => `${prefix}{${id}}:lock:${name}`,
    fence: (id: RecordId) => `${prefix}{${id}}:fence`,
    logins: (owner: string): LoginKeys => {
      const stem = `${prefix}{login:${digest(owner)}}:`
      return { waiting: `${stem}z`, pendingStem: `${stem}p:`, returnStem: `${stem}r:` }
    },
    loginMember: (state: string) => digest(state),
    value: (key: string) => `${prefix}x:${digest(key)}`,
    list: (name: string) => `${prefix}i:${digest(name)}`,
    mark: (name: string) => `${prefix}m:${digest(name)}`,
    once: (key: string) => `${prefix}o:${digest(key)}`,
    /** A channel, not a key: ids of sessions that changed. */
    changes: `${prefix}changes`,
  }
}

export type RedisKeys = ReturnType<typeof redisKeys>
