import { exampleAt } from './file-examples.ts'
import type { Problem } from './reader.ts'

/** Notes what is wrong at a place of CONFIG_FILE. */
export type Note = (place: string, wrong: string, example?: string) => void

export type FileNotes = {
  /** Silent at a place that is spoilt, and below it: what follows from a fault is none of its own. */
  readonly note: Note
  /** What stands at this place is not what the deployer meant. */
  readonly spoil: (place: string) => void
  /** Whether a place is spoilt, or lies in one that is. */
  readonly isSpoilt: (place: string) => boolean
}

/** Notes about CONFIG_FILE among the problems of the variables. */
export const fileNotes = (problemAt: (problem: Problem) => void): FileNotes => {
  const spoilt = new Set<string>()
  const known = new Set<string>()
  const isSpoilt = (place: string) => placesAround(place).some((around) => spoilt.has(around))
  return {
    note: (place, wrong, example = exampleAt(place)) => {
      if (known.has(`${place} ${wrong}`) || isSpoilt(place)) return
      known.add(`${place} ${wrong}`)
      problemAt({ name: `CONFIG_FILE ${place}`.trim(), wrong, example })
    },
    spoil: (place) => void spoilt.add(place),
    isSpoilt,
  }
}

/** A place with all that it lies in: `routes[0].cors[1]`, `routes[0].cors`, `routes[0]`, `routes`. */
const placesAround = (place: string): readonly string[] =>
  [...place.matchAll(/[.[]|$/g)].map(({ index }) => place.slice(0, index))

/** The place of what a list or a table holds. */
export const placeBelow = (place: string, key: string | number): string => {
  if (typeof key === 'number') return `${place}[${key}]`
  return place === '' ? shownKey(key) : `${place}.${shownKey(key)}`
}

/** Less what follows a colon: `{ secret:abc }`, without the blank, is one key. */
export const shownKey = (key: string): string => key.replace(/:.*$/s, '').slice(0, 40)
