import type { IncomingMessage } from 'node:http'

/** How often a header came on the wire, before Node joined or dropped its copies. `name` in lower case. */
export const headerCount = (req: IncomingMessage, name: string): number => {
  let count = 0
  for (let i = 0; i < req.rawHeaders.length; i += 2)
    if (req.rawHeaders[i]?.length === name.length && req.rawHeaders[i]?.toLowerCase() === name)
      count += 1
  return count
}

/** A header's single text; what came as a list is no value. */
export const header = (req: IncomingMessage, name: string): string | undefined => {
  const value = req.headers[name]
  return typeof value === 'string' ? value : undefined
}
