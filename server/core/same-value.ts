import { isSecretBox } from './secret.ts'

/** Whether two plain values (texts, numbers, lists, tables, secrets) say the same; of anything else only whether it is the same. */
export const sameValue = (one: unknown, other: unknown): boolean => {
  if (Object.is(one, other)) return true
  if (isSecretBox(one)) return isSecretBox(other) && sameValue(one.reveal(), other.reveal())
  if (Array.isArray(one))
    return (
      Array.isArray(other) &&
      one.length === other.length &&
      one.every((item, i) => sameValue(item, other[i]))
    )
  return isTable(one) && isTable(other) && sameTable(one, other)
}

type Table = Readonly<Record<string, unknown>>

const isTable = (value: unknown): value is Table =>
  typeof value === 'object' &&
  value !== null &&
  !isSecretBox(value) &&
  Object.getPrototypeOf(value) === Object.prototype

/** A key that says `undefined` says nothing. */
const sameTable = (one: Table, other: Table): boolean =>
  Object.keys({ ...one, ...other }).every((key) => sameValue(one[key], other[key]))
