/** One challenge of a WWW-Authenticate header; scheme and parameter names in lower case. RFC 9110 section 11.6.1. */
export type Challenge = {
  readonly scheme: string
  readonly parameters: ReadonlyMap<string, string>
}

type Step = { readonly end: number; readonly text: string }

const space = /[ \t]*/y
const separators = /[ \t,]*/y
const token = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y
const equals = /[ \t]*=[ \t]*/y
const quoted = /"((?:[^"\\]|\\.)*)"/sy
/** Credentials of one piece, as of Negotiate: they end their challenge. RFC 9110 section 11.2. */
const token68 = /[ \t]+[A-Za-z0-9._~+/-]+=*[ \t]*(?=,|$)/y

const at = (pattern: RegExp, text: string, start: number): Step | undefined => {
  pattern.lastIndex = start
  const match = pattern.exec(text)
  return match === null ? undefined : { end: pattern.lastIndex, text: match[1] ?? match[0] }
}

const skip = (pattern: RegExp, text: string, start: number): number =>
  at(pattern, text, start)?.end ?? start

/**
 * The challenges of one header line; one line may hold several, and a quoted text may look like one.
 * Where the line stops making sense, what stood before it counts.
 */
export const parseChallenges = (line: string): readonly Challenge[] => {
  const challenges: { scheme: string; parameters: Map<string, string> }[] = []
  let position = skip(separators, line, 0)
  while (position < line.length) {
    const name = at(token, line, position)
    if (name === undefined) return challenges
    const current = challenges.at(-1)
    const value = current === undefined ? undefined : parameterValue(line, name.end)
    if (current !== undefined && value !== undefined) {
      const key = name.text.toLowerCase()
      if (!current.parameters.has(key)) current.parameters.set(key, value.text)
      position = value.end
    } else {
      challenges.push({ scheme: name.text.toLowerCase(), parameters: new Map() })
      position = at(token68, line, name.end)?.end ?? name.end
    }
    position = skip(separators, line, position)
  }
  return challenges
}

/** The value after a parameter's name; undefined when the name was a scheme's, or the quotes never close. */
const parameterValue = (line: string, start: number): Step | undefined => {
  const sign = at(equals, line, start)
  if (sign === undefined) return undefined
  const text = at(quoted, line, sign.end)
  const value =
    text === undefined ? at(token, line, sign.end) : { ...text, text: unescaped(text.text) }
  return value === undefined ? undefined : { ...value, end: skip(space, line, value.end) }
}

const unescaped = (text: string): string => text.replace(/\\(.)/gs, '$1')

/** Whether an answer's headers (names and values in turn) call the access token invalid. RFC 6750 section 3.1. */
export const callsTokenInvalid = (raw: readonly string[]): boolean =>
  raw.some(
    (name, i) =>
      i % 2 === 0 &&
      name.toLowerCase() === 'www-authenticate' &&
      parseChallenges(raw[i + 1] ?? '').some(
        ({ scheme, parameters }) =>
          scheme === 'bearer' && parameters.get('error') === 'invalid_token',
      ),
  )
