import type { Call } from './call.ts'

/** How often a header came on the wire, before Node joined or dropped its copies. `name` in lower case. */
export const headerCount = (req: Call, name: string): number => {
  let count = 0
  for (let i = 0; i < req.rawHeaders.length; i += 2)
    if (req.rawHeaders[i]?.length === name.length && req.rawHeaders[i]?.toLowerCase() === name)
      count += 1
  return count
}

/** A header's single text; what came as a list is no value. */
export const header = (req: Call, name: string): string | undefined => {
  const value = req.headers[name]
  return typeof value === 'string' ? value : undefined
}

/** Whether a body comes with the request, as its framing says. RFC 9112 section 6.3. */
export const hasBody = ({ headers }: Pick<Call, 'headers'>): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/** The first value of a header in a flat list. */
export const headerOf = (raw: readonly string[], name: string): string | undefined => {
  for (let i = 0; i + 1 < raw.length; i += 2)
    if (raw[i]?.length === name.length && raw[i]?.toLowerCase() === name) return raw[i + 1]
  return undefined
}
