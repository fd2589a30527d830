import type { Random } from '../core/random.ts'
import type { StepUp } from '../core/step-up.ts'
import type { LoginBinding, LoginWish } from '../oidc/authorization-request.ts'
import type { LoginRequest } from './login-request.ts'
import type { Transactions } from './transactions.ts'

export type StartLoginDeps = {
  readonly random: Random
  readonly transactions: Transactions
  readonly issuer: string
  /** The authorization endpoint's address; rejects with `idp_unavailable`. */
  readonly authorizationUrl: (wish: LoginWish, binding: LoginBinding) => Promise<URL>
}

export type StartedLogin = { readonly location: string; readonly cookie: string }

/** States of restarted logins start with this, so that a second lost cookie in a row is told from a first. */
const retryMark = 'r.'

/** True when the callback's state came from a login that our own page had restarted. */
export const isRetryState = (state: string): boolean => state.startsWith(retryMark)

/** Remembers a new login for this browser; the result is where the browser goes, and its login cookie. */
export const startLogin =
  (deps: StartLoginDeps) =>
  async (
    request: LoginRequest & { readonly stepUp?: StepUp | undefined },
    browser: { cookieHeader: string | undefined; sessionId: string | undefined },
  ): Promise<StartedLogin> => {
    const binding = {
      state: `${request.retry ? retryMark : ''}${deps.random.token(32)}`,
      nonce: deps.random.token(32),
      codeVerifier: deps.random.token(32),
    }
    const location = await deps.authorizationUrl(request.wish, binding)
    const cookie = deps.transactions.cookieFor(browser.cookieHeader, request.retry)
    const pending = {
      binding,
      issuer: deps.issuer,
      prompt: request.wish.prompt,
      maxAgeSeconds: request.wish.maxAgeSeconds,
      stepUp: request.stepUp,
      foundSessionId: browser.sessionId,
    }
    await deps.transactions.start(cookie, pending, request.returnTo)
    return { location: location.href, cookie }
  }
