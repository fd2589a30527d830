import { hash, timingSafeEqual } from 'node:crypto'
import { inspect } from 'node:util'

const mask = '[secret]'

/** A value that prints as `[secret]` in JSON, templates and `inspect`. */
export type Secret<T = string> = { readonly reveal: () => T }

/** Wraps a value so that no log, error or dump can print it. */
export const secret = <T>(value: T): Secret<T> => {
  const masked = () => mask
  const box = { reveal: () => value, toJSON: masked, toString: masked, [inspect.custom]: masked }
  const closed = Object.freeze(
    Object.defineProperties(
      box,
      Object.fromEntries(Object.keys(box).map((k) => [k, { enumerable: false }])),
    ),
  )
  boxes.add(closed)
  return closed
}

const boxes = new WeakSet<object>()

/** Whether a value is a secret in its wrapping. */
export const isSecretBox = (value: unknown): value is Secret<unknown> =>
  typeof value === 'object' && value !== null && boxes.has(value)

/** Whether a text is the secret; how long it takes tells neither the secret nor its length. */
export const isSecret = (known: Secret, candidate: string): boolean =>
  timingSafeEqual(digest(candidate), digest(known.reveal()))

const digest = (text: string): Buffer => hash('sha256', text, 'buffer')
