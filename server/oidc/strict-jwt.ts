import type { JWTPayload, ProtectedHeaderParameters } from 'jose'
import { decodeJwt, decodeProtectedHeader } from 'jose'

export type Jwt = { readonly header: ProtectedHeaderParameters; readonly claims: JWTPayload }

/**
 * A signed JWT as it reads, its signature unchecked; undefined where two readers could read it differently.
 *
 * Of a name that stands twice one reader takes the first and another the last (RFC 7519 section 4); `b64` and `crit` change
 * what is signed (RFC 7797 section 7), and nothing here knows an extension.
 */
export const readJwt = (token: string): Jwt | undefined => {
  try {
    const jwt = { header: decodeProtectedHeader(token), claims: decodeJwt(token) }
    const texts = token.split('.', 2).map((part) => Buffer.from(part, 'base64url').toString('utf8'))
    const isExtended = 'crit' in jwt.header || 'b64' in jwt.header
    return isExtended || texts.some(hasDuplicateNames) ? undefined : jwt
  } catch {
    return undefined
  }
}

/** Whether any object in a JSON text has one name twice, however it is escaped. */
export const hasDuplicateNames = (json: string): boolean => {
  const open: (Set<unknown> | undefined)[] = []
  for (const [token, colon] of json.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}[\]]/g)) {
    if (token === '{') open.push(new Set())
    else if (token === '[') open.push(undefined)
    else if (token === '}' || token === ']') open.pop()
    else if (colon !== undefined && !isNew(open.at(-1), token.slice(0, -colon.length))) return true
  }
  return false
}

const isNew = (names: Set<unknown> | undefined, quoted: string): boolean => {
  const name: unknown = JSON.parse(quoted)
  if (names === undefined || names.has(name)) return names === undefined
  names.add(name)
  return true
}
