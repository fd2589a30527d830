import { randomBytes, randomFillSync } from 'node:crypto'

/** Chance as a parameter. */
export type Random = {
  /** Random bytes as base64url text. */
  readonly token: (bytes: number) => string
  readonly bytes: (length: number) => Buffer
  /** Hex digits for what only needs to be unique, such as the name of a request: never for a secret. */
  readonly digits: (count: number) => string
}

const poolBytes = 4_096
const longestDrawBytes = 64

/** Small draws out of one large one: each by itself is a system call, which a proxied call makes twice. */
const pooledBytes = (): Random['bytes'] => {
  const pool = Buffer.allocUnsafeSlow(poolBytes)
  let used = poolBytes
  return (length) => {
    if (length > longestDrawBytes) return randomBytes(length)
    if (used + length > poolBytes) {
      randomFillSync(pool)
      used = 0
    }
    const drawn = Buffer.from(pool.subarray(used, used + length))
    // What was drawn may be a secret now: it stands in no second place.
    pool.fill(0, used, used + length)
    used += length
    return drawn
  }
}

/** Cut from one long text: quicker than drawing bytes and writing each as text. */
const pooledDigits = (): Random['digits'] => {
  let pool = ''
  return (count) => {
    if (count > pool.length) pool = randomBytes(Math.max(poolBytes, count)).toString('hex')
    const drawn = pool.slice(0, count)
    pool = pool.slice(count)
    return drawn
  }
}

const bytes = pooledBytes()

/** The operating system's random source. */
export const systemRandom: Random = {
  token: (length) => bytes(length).toString('base64url'),
  bytes,
  digits: pooledDigits(),
}
