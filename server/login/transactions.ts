import { hash } from 'node:crypto'
import type { Random } from '../core/random.ts'
import { cookieValues } from '../core/cookies.ts'
import { parseReturnTo } from '../core/return-to.ts'
import type { StepUp } from '../core/step-up.ts'
import type { LoginBinding } from '../oidc/authorization-request.ts'
import type { Backend } from '../session/backend.ts'
import type { Sealer } from '../session/seal.ts'

/** The secret half of a login, used once. */
export type PendingLogin = {
  readonly binding: LoginBinding
  readonly issuer: string
  readonly prompt?: string | undefined
  readonly maxAgeSeconds?: number | undefined
  /** What a refused call asked of this login. */
  readonly stepUp?: StepUp | undefined
  /** The session that the browser had at `/login`: the callback's cross-site request does not show it. */
  readonly foundSessionId?: string | undefined
}

/** `fresh`: this call may finish it. `done`: somebody did within ten minutes. `unknown`: not this browser's. */
export type TakenTransaction =
  | { readonly kind: 'fresh'; readonly pending: PendingLogin; readonly returnTo: string }
  | { readonly kind: 'done'; readonly returnTo: string }
  | { readonly kind: 'unknown' }

export type Transactions = {
  /**
   * The value for the login cookie: the browser's own while it is sound, so that all its tabs share one. It says when this is a
   * login that our page began anew.
   */
  readonly cookieFor: (cookieHeader: string | undefined, isRestart?: boolean) => string
  /** Whether the browser's cookie says that a login was begun anew, and none has come back since. */
  readonly hasRestarted: (cookieHeader: string | undefined) => boolean
  /** The value that no longer says so; undefined where it does not. */
  readonly cookieAfterRestart: (cookieHeader: string | undefined) => string | undefined
  readonly start: (cookie: string, pending: PendingLogin, returnTo: string) => Promise<void>
  /** Takes a login once: two callbacks with one code cause one token request. A foreign state takes nothing. */
  readonly take: (cookieHeader: string | undefined, state: string) => Promise<TakenTransaction>
}

export const loginLifeSeconds = 3_600
const loginsPerBrowser = 20
const cookieShape = /^([A-Za-z0-9_-]{43})(\.r)?$/
/** At the end of the cookie of a browser that was sent to `/login` by our page: no login of its own needs the store for it. */
const restartMark = '.r'

export type TransactionsDeps = {
  readonly backend: Backend
  readonly sealer: Sealer
  readonly random: Random
  readonly cookieName: string
}

/** Logins under way, on the server: bound to the browser by the login cookie, sealed under its value. */
export const transactions = (deps: TransactionsDeps): Transactions => ({
  cookieFor: (cookieHeader, isRestart = false) => {
    const own = ownCookie(cookieHeader, deps.cookieName)
    const secret = own?.secret ?? deps.random.token(32)
    return isRestart || own?.isRestarted === true ? `${secret}${restartMark}` : secret
  },
  hasRestarted: (cookieHeader) => ownCookie(cookieHeader, deps.cookieName)?.isRestarted === true,
  cookieAfterRestart: (cookieHeader) => {
    const own = ownCookie(cookieHeader, deps.cookieName)
    return own?.isRestarted === true ? own.secret : undefined
  },

  start: async (cookie, pending, returnTo) => {
    const { secret } = parseCookie(cookie) ?? malformed()
    const { seal } = parts(deps.sealer, secret, pending.binding.state)
    await deps.backend.putLogin(digest(secret), digest(pending.binding.state), {
      pending: seal('login', JSON.stringify(pending)),
      return: seal('return', returnTo),
      ttlMs: loginLifeSeconds * 1_000,
      cap: loginsPerBrowser,
    })
  },

  take: async (cookieHeader, state) => {
    const secret = ownCookie(cookieHeader, deps.cookieName)?.secret
    if (secret === undefined) return { kind: 'unknown' }
    const taken = await deps.backend.takeLogin(digest(secret), digest(state))
    const { open } = parts(deps.sealer, secret, state)
    const returnTo = parseReturnTo(open('return', taken.return))
    if (!returnTo.ok) return { kind: 'unknown' }
    const pending = open('login', taken.pending)
    if (pending === undefined) return { kind: 'done', returnTo: returnTo.value }
    // What opens under this browser's cookie was written by `start`.
    return { kind: 'fresh', pending: JSON.parse(pending) as PendingLogin, returnTo: returnTo.value }
  },
})

/** The two sealed parts of one login: only its browser's cookie together with its state opens them. */
const parts = (sealer: Sealer, secret: string, state: string) => {
  const context = (kind: 'login' | 'return') => ({
    secret,
    recordId: digest(`${digest(secret)} ${state}`),
    kind,
    version: 1,
  })
  return {
    seal: (kind: 'login' | 'return', text: string) => sealer.seal(context(kind), Buffer.from(text)),
    open: (kind: 'login' | 'return', sealed: Buffer | undefined) =>
      sealed === undefined ? undefined : sealer.open(context(kind), sealed)?.plain.toString('utf8'),
  }
}

type OwnCookie = { readonly secret: string; readonly isRestarted: boolean }

/** The browser's login cookie when it is sent once and in our shape: nothing an attacker wrote becomes part of a key. */
const ownCookie = (cookieHeader: string | undefined, name: string): OwnCookie | undefined => {
  const [value, second] = cookieValues(cookieHeader, name)
  return value !== undefined && second === undefined ? parseCookie(value) : undefined
}

const parseCookie = (value: string): OwnCookie | undefined => {
  const [, secret, mark] = cookieShape.exec(value) ?? []
  return secret === undefined ? undefined : { secret, isRestarted: mark !== undefined }
}

/** Nothing is sealed under a cookie that opens nothing. */
const malformed = (): never => {
  throw new RangeError('not a value that was made for the login cookie')
}

const digest = (text: string): string => hash('sha256', text, 'base64url')
