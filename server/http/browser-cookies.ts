import type { Request, Response } from 'express'
import type { CookieNames } from '../core/cookies.ts'
import { cookieValues, setCookie } from '../core/cookies.ts'
import type { SessionId } from '../core/ids.ts'
import type { KeyedHash } from './keyed-hash.ts'

export type BrowserCookies = {
  /** Gives the browser the CSRF token in the one cookie that scripts may read, unless it has it. */
  readonly offerCsrf: (req: Request, res: Response, id: SessionId) => void
  readonly clear: (res: Response) => void
}

/** The cookies beside express-session's own. */
export const browserCookies = (options: {
  readonly names: CookieNames
  readonly secure: boolean
  readonly sameSite: 'strict' | 'lax'
  readonly hash: KeyedHash
  readonly absoluteSeconds: number
  /** The prefix of the tenant's paths. */
  readonly base?: string
}): BrowserCookies => {
  const { names, secure } = options
  const sameSite = options.sameSite === 'lax' ? 'Lax' : 'Strict'
  // Its name is what libraries look for, so tenants that share a host differ by path: scripts and we see the longest first.
  const path = options.base || '/'
  const csrf = (value: string, maxAgeSeconds: number) =>
    setCookie(names.csrf, value, { secure, sameSite, httpOnly: false, maxAgeSeconds, path })
  const cleared = [
    setCookie(names.session, '', { secure, sameSite, httpOnly: true, maxAgeSeconds: 0 }),
    csrf('', 0),
  ]
  return {
    offerCsrf: (req, res, id) => {
      const token = options.hash.of('csrf', id)
      if (cookieValues(req.headers.cookie, names.csrf)[0] !== token)
        res.append('Set-Cookie', csrf(token, options.absoluteSeconds))
    },
    clear: (res) => {
      for (const cookie of cleared) res.append('Set-Cookie', cookie)
    },
  }
}
