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
  /** The value for the login cookie: the browser's own while it is sound, so that all its tabs share one. */
  readonly cookieFor: (cookieHeader: string | undefined) => string
  readonly start: (cookie: string, pending: PendingLogin, returnTo: string) => Promise<void>
  /** Takes a login once: two callbacks with one code cause one token request. A foreign state takes nothing. */
  readonly take: (cookieHeader: string | undefined, state: string) => Promise<TakenTransaction>
}

export const loginLifeSeconds = 3_600
const loginsPerBrowser = 20
const cookieShape = /^[A-Za-z0-9_-]{43}$/

export type TransactionsDeps = {
  readonly backend: Backend
  readonly sealer: Sealer
  readonly random: Random
  readonly cookieName: string
}

/** Logins under way, on the server: bound to the browser by the login cookie, sealed under its value. */
export const transactions = (deps: TransactionsDeps): Transactions => ({
  cookieFor: (cookieHeader) => ownCookie(cookieHeader, deps.cookieName) ?? deps.random.token(32),

  start: async (cookie, pending, returnTo) => {
    const { seal } = parts(deps.sealer, cookie, pending.binding.state)
    await deps.backend.putLogin(digest(cookie), digest(pending.binding.state), {
      pending: seal('login', JSON.stringify(pending)),
      return: seal('return', returnTo),
      ttlMs: loginLifeSeconds * 1_000,
      cap: loginsPerBrowser,
    })
  },

  take: async (cookieHeader, state) => {
    const cookie = ownCookie(cookieHeader, deps.cookieName)
    if (cookie === undefined) return { kind: 'unknown' }
    const taken = await deps.backend.takeLogin(digest(cookie), digest(state))
    const { open } = parts(deps.sealer, cookie, state)
    const returnTo = parseReturnTo(open('return', taken.return))
    if (!returnTo.ok) return { kind: 'unknown' }
    const pending = open('login', taken.pending)
    if (pending === undefined) return { kind: 'done', returnTo: returnTo.value }
    // What opens under this browser's cookie was written by `start`.
    return { kind: 'fresh', pending: JSON.parse(pending) as PendingLogin, returnTo: returnTo.value }
  },
})

/** The two sealed parts of one login: only its browser's cookie together with its state opens them. */
const parts = (sealer: Sealer, cookie: string, state: string) => {
  const context = (kind: 'login' | 'return') => ({
    secret: cookie,
    recordId: digest(`${digest(cookie)} ${state}`),
    kind,
    version: 1,
  })
  return {
    seal: (kind: 'login' | 'return', text: string) => sealer.seal(context(kind), Buffer.from(text)),
    open: (kind: 'login' | 'return', sealed: Buffer | undefined) =>
      sealed === undefined ? undefined : sealer.open(context(kind), sealed)?.plain.toString('utf8'),
  }
}

/** The browser's login cookie when it is sent once and in our shape: nothing an attacker wrote becomes part of a key. */
const ownCookie = (cookieHeader: string | undefined, name: string): string | undefined => {
  const [value, second] = cookieValues(cookieHeader, name)
  return value !== undefined && second === undefined && cookieShape.test(value) ? value : undefined
}

const digest = (text: string): string => hash('sha256', text, 'base64url')
