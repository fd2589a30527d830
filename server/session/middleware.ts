import { RedisStore } from 'connect-redis'
import type { RequestHandler } from 'express'
import session from 'express-session'
import type { Random } from '../core/random.ts'
import type { SessionSettings } from '../config/config.ts'
import { filterCookies } from '../core/cookies.ts'
import type { Records } from './records.ts'
import { sessionCookieReader } from './session-cookie.ts'
import { storeClient } from './store-client.ts'

export type SessionMiddlewareDeps = {
  readonly records: Records
  readonly settings: SessionSettings
  readonly cookieName: string
  readonly secure: boolean
  readonly random: Random
}

const sessionIdBytes = 32

/**
 * express-session over our records: `req.session` for the pages; a visitor who is not logged in leaves no record.
 * The cookie is HttpOnly, host-only, Strict unless set otherwise, and lives as long as the session may at most.
 */
export const sessionMiddleware = (deps: SessionMiddlewareDeps): RequestHandler[] => {
  const { settings } = deps
  const store = new RedisStore({
    client: storeClient(deps.records),
    prefix: '',
    serializer: { parse: parseStored, stringify: withoutCookie },
    ttl: settings.absoluteSeconds,
    disableTouch: true,
  })
  const handler = session({
    store,
    name: deps.cookieName,
    secret: settings.secrets.map((secret) => secret.reveal()),
    genid: () => deps.random.token(sessionIdBytes),
    resave: false,
    saveUninitialized: false,
    rolling: false,
    cookie: {
      path: '/',
      httpOnly: true,
      secure: deps.secure,
      sameSite: settings.sameSite,
      maxAge: settings.absoluteSeconds * 1_000,
    },
  })
  return [dropUntrustedCookie(deps), handler]
}

/** Hides a planted, doubled or foreign cookie from express-session, which would take the first of two. */
const dropUntrustedCookie = ({ cookieName, settings }: SessionMiddlewareDeps): RequestHandler => {
  const readCookie = sessionCookieReader(cookieName, settings.secrets)
  return function dropUntrustedSessionCookie(req, _res, next) {
    const cookie = req.headers.cookie
    if (cookie !== undefined && readCookie(cookie) === undefined) {
      const kept = filterCookies(cookie, (name) => name !== cookieName)
      if (kept === undefined) delete req.headers.cookie
      else req.headers.cookie = kept
    }
    next()
  }
}

const withoutCookie = (stored: object): string =>
  JSON.stringify({ ...stored, cookie: undefined, csrfSecret: undefined })

const parseStored = (text: string): session.SessionData =>
  // Our own client wrote the text.
  JSON.parse(text) as session.SessionData
