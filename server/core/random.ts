import { randomBytes } from 'node:crypto'

/** Chance as a parameter. */
export type Random = {
  /** Random bytes as base64url text. */
  readonly token: (bytes: number) => string
  readonly bytes: (length: number) => Buffer
}

/** The operating system's random source. */
export const systemRandom: Random = {
  token: (bytes) => randomBytes(bytes).toString('base64url'),
  bytes: (length) => randomBytes(length),
}
