import type { Result } from './result.ts'
import { err, ok } from './result.ts'

export type ReturnToRefusal = 'too_long' | 'not_a_path' | 'control_character' | 'other_origin'

const longestBytes = 2_048
const fixedOrigin = 'https://return-to.invalid'

/**
 * A path with query and fragment on this origin, or the reason for refusing it.
 *
 * Stops open redirects (RFC 9700 section 4.11): `//evil`, `/\evil`, a TAB or CR between two slashes, and
 * `/.//evil` or `/a/..//evil`, which the WHATWG parser calls same-origin although the path it gives is `//evil`.
 * Called when the address is stored and again when it is used.
 */
export const parseReturnTo = (raw: unknown): Result<string, ReturnToRefusal> => {
  if (typeof raw !== 'string' || !raw.startsWith('/')) return err('not_a_path')
  if (Buffer.byteLength(raw) > longestBytes) return err('too_long')
  if (hasControlCharacter(raw)) return err('control_character')
  if (raw.startsWith('//') || raw.includes('\\')) return err('other_origin')
  if (!URL.canParse(raw, fixedOrigin)) return err('not_a_path')
  const url = new URL(raw, fixedOrigin)
  const path = `${url.pathname}${url.search}${url.hash}`
  if (url.origin !== fixedOrigin || path.startsWith('//')) return err('other_origin')
  return ok(path)
}

const hasControlCharacter = (text: string): boolean => /[\u0000-\u001f\u007f]/.test(text)
