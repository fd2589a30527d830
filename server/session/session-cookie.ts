import { unsign } from 'cookie-signature'
import type { SessionId } from '../core/ids.ts'
import { parseSessionId } from '../core/ids.ts'
import type { Secret } from '../core/secret.ts'
import { cookieValues } from '../core/cookies.ts'

/** Longer than any value we made: an 8 kB cookie costs no HMAC. */
const longestValue = 256

/**
 * Reads the session id from a `Cookie` header, or undefined when there is none to trust.
 *
 * Two cookies of the name mean that somebody planted one, a bad signature that it is not ours: both are no session.
 * The id's shape is checked, so that nothing an attacker wrote becomes part of a key.
 */
export const sessionCookieReader = (name: string, secrets: readonly Secret[]) => {
  const signedId = signatureCheck(secrets)
  const genuine = new Map<string, SessionId>()
  const remember = (header: string, id: SessionId): void => {
    if (header.length > longestRemembered) return
    if (genuine.size >= mostRemembered) genuine.clear()
    genuine.set(header, id)
  }
  return (cookieHeader: string | undefined): SessionId | undefined => {
    if (cookieHeader === undefined) return undefined
    const known = genuine.get(cookieHeader)
    if (known !== undefined) return known
    const [value, second] = cookieValues(cookieHeader, name)
    if (value === undefined || second !== undefined || value.length > longestValue) return undefined
    const id = signedId(value)
    if (id !== undefined) remember(cookieHeader, id)
    return id
  }
}

/** A browser sends the same header again and again. Only what holds a cookie of ours is remembered: nobody else can fill the memory. */
const mostRemembered = 20_000
const longestRemembered = 1_024

const signatureCheck = (secrets: readonly Secret[]) => {
  const plainSecrets = secrets.map((secret) => secret.reveal())
  return (value: string): SessionId | undefined => {
    const signed = decoded(value)
    if (!signed?.startsWith('s:')) return undefined
    for (const secret of plainSecrets) {
      const id = unsign(signed.slice(2), secret)
      if (id !== false) return parseSessionId(id)
    }
    return undefined
  }
}

const decoded = (value: string): string | undefined => {
  try {
    return decodeURIComponent(value)
  } catch {
    return undefined
  }
}
