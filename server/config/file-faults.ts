import type { z } from 'zod'
import { placeBelow, shownKey } from './file-notes.ts'

type Issue = z.core.$ZodIssue

/** Where in the file a rule of its shape is broken. */
export const placeOf = ({ path }: Issue): string =>
  path.reduce<string>(
    (place, part) => placeBelow(place, typeof part === 'number' ? part : String(part)),
    '',
  )

/** What is wrong there, in the words of YAML, and without what stands there. */
export const wrongOf = (issue: Issue): string => {
  if (issue.path.length === 0 && issue.code === 'invalid_type')
    return issue.input === null ? 'is empty' : `is ${kindOf(issue.input)}, and must be ${needed}`
  switch (issue.code) {
    case 'unrecognized_keys':
      return `has unknown keys: ${issue.keys.map(shownKey).join(', ')}`
    case 'invalid_type':
      return issue.input === undefined
        ? 'is missing'
        : `is ${kindOf(issue.input)}, and must be ${kinds[issue.expected] ?? issue.expected}`
    case 'invalid_union':
      return `is ${kindOf(issue.input)}, and must be a text or a list of texts`
    case 'invalid_value':
      return `is none of ${issue.values.join(', ')}`
    case 'too_small':
      return ['array', 'string'].includes(issue.origin)
        ? 'is empty'
        : `is less than ${issue.minimum}`
    case 'too_big':
      return `is more than ${issue.maximum}`
    default:
      return issue.message
  }
}

const needed = 'a table with routes, and perhaps with tenants'

const kinds: Readonly<Record<string, string>> = {
  array: 'a list',
  object: 'a table',
  record: 'a table',
  string: 'a text',
  boolean: 'true or false',
  number: 'a number',
  int: 'a whole number',
}

const kindOf = (value: unknown): string => {
  if (value === null) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'boolean') return 'true or false'
  return kinds[typeof value] ?? 'something else'
}
