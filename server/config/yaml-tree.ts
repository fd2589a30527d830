import type { YAMLParseError, YAMLWarning } from 'yaml'
import { parseDocument } from 'yaml'

/** What a text of YAML or JSON holds, or what is wrong with its syntax. */
export type Tree =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly faults: readonly string[] }

const longestBytes = 4 * 1_048_576
/** One fault of syntax makes many; the first few tell where to look. */
const shownFaults = 3

/** A text of YAML or JSON, taken apart. */
export const yamlTree = (text: string): Tree => {
  if (Buffer.byteLength(text) > longestBytes) return broken('is larger than 4 MiB')
  try {
    const document = parseDocument(text, { stringKeys: true })
    // An unknown tag is only warned about: what it was to do would not be done.
    const faults = [...document.errors, ...document.warnings]
    if (faults.length > 0) return broken(...faults.slice(0, shownFaults).map(faultOf))
    const value: unknown = document.toJS({ maxAliasCount: 50 })
    requireEnds(value, [])
    return { ok: true, value }
  } catch {
    // Too many aliases are counted; levels without end exhaust the stack.
    return broken('has aliases that lead nowhere, to themselves or too far, or too many levels')
  }
}

/** A route is some five levels deep. */
const mostLevels = 32

/** Throws for what holds itself, and for what is so deep that whoever goes through it may not come back. */
const requireEnds = (value: unknown, above: readonly object[]): void => {
  if (typeof value !== 'object' || value === null) return
  if (above.length > mostLevels || above.includes(value)) throw new RangeError('has no end')
  for (const one of Object.values(value)) requireEnds(one, [...above, value])
}

const broken = (...faults: readonly string[]): Tree => ({ ok: false, faults })

/** By code and place: the parser's own words quote the file, and a secret may stand there. */
const faultOf = ({ code, linePos }: YAMLParseError | YAMLWarning): string => {
  const { line, col } = linePos?.[0] ?? { line: 1, col: 1 }
  const fault = code.toLowerCase().replaceAll('_', ' ')
  return `is not valid YAML at line ${line}, column ${col}: ${fault}`
}
