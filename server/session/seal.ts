import type { Random } from '../core/random.ts'
import type { SessionKey } from '../config/config.ts'
import type { KeyObject } from 'node:crypto'
import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync } from 'node:crypto'

/** What sealed bytes are bound to: opened under anything else, they stay shut. */
export type SealContext = {
  /** Needed besides the master key, such as the session id; empty for what the master key alone opens. */
  readonly secret: string
  readonly recordId: string
  readonly kind: string
  readonly version: number
}

/** `stale`: sealed under a key that is not the newest, so seal it anew when it is next written. */
export type Opened = { readonly plain: Buffer; readonly stale: boolean }

export type Sealer = {
  readonly seal: (context: SealContext, plain: Buffer) => Buffer
  /** Undefined for anything that was not sealed here for this very context; it never throws. */
  readonly open: (context: SealContext, sealed: Buffer) => Opened | undefined
}

const format = 1
const ivBytes = 12
const tagBytes = 16
const algorithm = 'aes-256-gcm'
const derivedKeysKept = 4_096

/**
 * Seals records by AES-256-GCM under HKDF-SHA256(master key, context's secret).
 * Record id, kind and version are associated data: a value copied to another user's key, or an old one
 * put back, does not open. Layout: format byte, length of kid, kid, IV, tag, ciphertext.
 */
export const sealer = (keys: readonly SessionKey[], random: Random): Sealer => {
  const newest = keys[0]
  if (newest === undefined) throw new Error('sealer needs at least one key')
  const derive = derivedKeys()
  const header = sealedHeader(newest.kid)
  return {
    seal(context, plain) {
      const iv = random.bytes(ivBytes)
      const cipher = createCipheriv(algorithm, derive(newest, context.secret), iv)
      cipher.setAAD(associatedData(header, context))
      const body = [cipher.update(plain), cipher.final()]
      return Buffer.concat([header, iv, cipher.getAuthTag(), ...body])
    },
    open(context, sealed) {
      const parts = split(sealed)
      const key = keys.find(({ kid }) => kid === parts?.kid)
      if (parts === undefined || key === undefined) return undefined
      const plain = decrypt(derive(key, context.secret), parts, context)
      return plain && { plain, stale: key !== newest }
    },
  }
}

const sealedHeader = (kid: string): Buffer => {
  const bytes = Buffer.from(kid)
  if (bytes.length > 255) throw new Error('a kid has at most 255 bytes')
  return Buffer.concat([Buffer.from([format, bytes.length]), bytes])
}

// JSON keeps the fields apart: no two contexts have the same associated data.
const associatedData = (header: Buffer, { recordId, kind, version }: SealContext): Buffer =>
  Buffer.from(JSON.stringify([header.toString('base64url'), recordId, kind, version]))

type Parts = {
  readonly header: Buffer
  readonly kid: string
  readonly iv: Buffer
  readonly tag: Buffer
  readonly ciphertext: Buffer
}

const split = (sealed: Buffer): Parts | undefined => {
  const kidEnd = 2 + (sealed[1] ?? 0)
  const tagEnd = kidEnd + ivBytes + tagBytes
  if (sealed[0] !== format || sealed.length < tagEnd) return undefined
  return {
    header: sealed.subarray(0, kidEnd),
    kid: sealed.toString('utf8', 2, kidEnd),
    iv: sealed.subarray(kidEnd, kidEnd + ivBytes),
    tag: sealed.subarray(kidEnd + ivBytes, tagEnd),
    ciphertext: sealed.subarray(tagEnd),
  }
}

const decrypt = (key: KeyObject, parts: Parts, context: SealContext): Buffer | undefined => {
  try {
    const decipher = createDecipheriv(algorithm, key, parts.iv, { authTagLength: tagBytes })
    decipher.setAAD(associatedData(parts.header, context)).setAuthTag(parts.tag)
    return Buffer.concat([decipher.update(parts.ciphertext), decipher.final()])
  } catch {
    // The one thing that fails here is the tag.
    return undefined
  }
}

/**
 * Derived keys, the last few kept: HKDF costs as much as opening a record, and a call opens two. As key objects: a cipher
 * takes one four times as fast as the same bytes.
 */
const derivedKeys = () => {
  const kept = new Map<string, KeyObject>()
  return ({ kid, key }: SessionKey, secret: string): KeyObject => {
    const name = `${kid}\n${secret}`
    const known = kept.get(name)
    if (known !== undefined) return known
    const bytes = hkdfSync('sha256', key.reveal(), secret, 'latchkey seal 1', 32)
    const derived = createSecretKey(Buffer.from(bytes))
    kept.set(name, derived)
    const oldest = kept.keys().next()
    if (kept.size > derivedKeysKept && oldest.done !== true) kept.delete(oldest.value)
    return derived
  }
}
