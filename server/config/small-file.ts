import { readFileSync, statSync } from 'node:fs'

/** Settings are small; a log or a disk that was named by mistake would fill the memory. */
const mostBytes = 16 * 1_048_576

/** A file of settings or secrets; throws when it cannot be one. */
export const readSmallFile = (path: string): string => {
  if (statSync(path).size > mostBytes)
    throw Object.assign(new RangeError('a file too large for settings'), { code: 'EFBIG' })
  return readFileSync(path, 'utf8')
}
