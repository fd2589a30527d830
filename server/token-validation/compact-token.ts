import type { Result } from '../core/result.ts'
import { err, ok } from '../core/result.ts'
import { isJsonObject } from '../core/json-object.ts'
import { hasDuplicateNames } from '../oidc/strict-jwt.ts'
import type { TokenFault } from './token-fault.ts'

export type Claims = Readonly<Record<string, unknown>>

/** A signed JWT as it reads; nothing in it is vouched for yet. */
export type CompactToken = {
  readonly header: Claims & { readonly alg: string; readonly kid?: string | undefined }
  readonly claims: Claims
}

/** Node takes 16 KiB for all headers of a request. */
const longestToken = 16_384

/**
 * A token in the one form that has one reading. RFC 7515 sections 3.1 and 7.1, RFC 7519 section 4.
 *
 * Base64url with blanks, padding or spare bits reads as another token's twin; of a name that stands twice one reader takes the
 * first and another the last; `crit` and `b64` change what is signed.
 */
export const readCompactToken = (token: string): Result<CompactToken, TokenFault> => {
  if (token.length > longestToken) return err('too_large')
  const parts = token.split('.', 4)
  const [headerText, claimsText, signature] = parts.map(decoded)
  if (parts.length !== 3 || signature === undefined) return err('malformed')
  const header = jsonObject(headerText)
  const claims = jsonObject(claimsText)
  if (header === undefined || claims === undefined) return err('malformed')
  if ([headerText, claimsText].some((text) => hasDuplicateNames(String(text))))
    return err('duplicate_names')
  if ('crit' in header || 'b64' in header) return err('extension')
  const { alg, kid } = header
  if (typeof alg !== 'string' || !(kid === undefined || typeof kid === 'string'))
    return err('malformed')
  return ok({ header: { ...header, alg, kid }, claims })
}

/** What stands in a part; the signature's bytes are no text, and only their form is looked at. */
const decoded = (part: string, index: number): string | undefined => {
  const bytes = Buffer.from(part, 'base64url')
  if (part === '' || bytes.toString('base64url') !== part) return undefined
  return index === 2 ? part : utf8(bytes)
}

const utf8 = (bytes: Buffer): string | undefined => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

const jsonObject = (text: string | undefined): Claims | undefined => {
  try {
    const value: unknown = text === undefined ? undefined : JSON.parse(text)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
