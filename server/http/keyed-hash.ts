import type { KeyObject } from 'node:crypto'
import { createHmac, createSecretKey, timingSafeEqual } from 'node:crypto'
import type { Secret } from '../core/secret.ts'

/** What a hash is for; one purpose's hash is worth nothing for another. */
export type HashPurpose = 'csrf' | 'logout' | 'step-up'

export type KeyedHash = {
  readonly of: (purpose: HashPurpose, text: string) => string
  /** True when the candidate was made with any of the secrets; compares in constant time. */
  readonly matches: (purpose: HashPurpose, text: string, candidate: string) => boolean
}

/** A hash of a session id that only the broker can make: CSRF token and logout link need no state. */
export const keyedHash = (secrets: readonly Secret[]): KeyedHash => {
  const keys = secrets.map((secret) =>
    createSecretKey(createHmac('sha256', secret.reveal()).update('latchkey keyed hash').digest()),
  )
  const hash = (key: KeyObject, purpose: HashPurpose, text: string) =>
    createHmac('sha256', key).update(`${purpose}\0${text}`).digest()
  const newest = keys[0]
  if (newest === undefined) throw new RangeError('keyedHash needs at least one secret')
  return {
    of: (purpose, text) => hash(newest, purpose, text).toString('base64url'),
    matches: (purpose, text, candidate) => {
      const given = Buffer.from(candidate, 'base64url')
      return (
        given.toString('base64url') === candidate &&
        keys.some((key) => sameBytes(hash(key, purpose, text), given))
      )
    },
  }
}

const sameBytes = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b)
