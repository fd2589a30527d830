import type { FileNotes } from './file-notes.ts'
import { placeBelow } from './file-notes.ts'
import type { Env } from './reader.ts'

export type FileSources = {
  readonly env: Env
  /** Throws when there is no such file. */
  readonly readFile: (path: string) => string
}

/**
 * `${NAME}` and `${file:/path}` in the texts of a parsed file: what they hold stays a text and cannot become structure. What is not
 * there is noted, and leaves nothing in its place.
 */
export const filledIn = (value: unknown, sources: FileSources, notes: FileNotes): unknown => {
  const fill = (item: unknown, place: string): unknown => {
    if (typeof item === 'string') return fillText(item, place, sources, notes)
    if (Array.isArray(item)) return item.map((one, i) => fill(one, placeBelow(place, i)))
    if (typeof item !== 'object' || item === null) return item
    return Object.fromEntries(
      Object.entries(item).map(([key, one]) => [key, fill(one, placeBelow(place, key))]),
    )
  }
  return fill(value, '')
}

const fillText = (text: string, place: string, sources: FileSources, notes: FileNotes): string => {
  // After the last brace nothing ends: looked for from each beginning there, a broken file would hold up a broker that serves.
  const end = text.lastIndexOf('}') + 1
  const filled = text
    .slice(0, end)
    .replace(/\$\{(file:)?([^}]+)\}/g, (_all, file: string | undefined, what: string) => {
      const found = file === undefined ? sources.env[what] || undefined : readable(what, sources)
      if (found === undefined) noteMissing(notes, place, file !== undefined, what)
      return found ?? ''
    })
  return `${filled}${text.slice(end)}`
}

const readable = (path: string, { readFile }: FileSources): string | undefined => {
  try {
    return readFile(path).trim()
  } catch {
    return undefined
  }
}

const noteMissing = (notes: FileNotes, place: string, isFile: boolean, what: string): void => {
  if (isFile) notes.note(place, `uses \${file:${what}}, which cannot be read`, `a file ${what}`)
  else notes.note(place, `uses \${${what}}, which is not set`, `${what}=… in the environment`)
  notes.spoil(place)
}
