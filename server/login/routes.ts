import type { Request, RequestHandler, Response } from 'express'
import { Router } from 'express'
import { toBrokerError, BrokerError } from '../core/errors.ts'
import type { SessionId } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import type { StepUp } from '../core/step-up.ts'
import { cookieValues, setCookie } from '../core/cookies.ts'
import { isPeek, isTopLevelNavigation } from '../http/caller.ts'
import { loginPath } from '../http/endpoints.ts'
import { linkButton } from '../http/html.ts'
import { header } from '../http/raw-headers.ts'
import type { Replies } from '../http/reply.ts'
import { parametersOf } from '../http/parameters.ts'
import { dropSession, liveSessionId, renewSession, saveLogin } from '../session/lifecycle.ts'
import type { Browser } from './finish-login.ts'
import type { LoginDoor, LoginRequest } from './login-request.ts'
import { asksForMore, parseLoginRequest, strongerWish } from './login-request.ts'
import type { StartedLogin, startLogin } from './start-login.ts'
import { isRetryState } from './start-login.ts'
import type { PendingLogin, Transactions } from './transactions.ts'
import { loginLifeSeconds } from './transactions.ts'

export type LoginRoutesDeps = {
  readonly log: Log
  readonly reply: Replies
  readonly door: LoginDoor
  readonly secure: boolean
  readonly responseMode: 'query' | 'form_post'
  readonly cookieName: string
  /** The `prompt` that lets a person be someone else at the provider. */
  readonly otherAccountPrompt: string
  readonly start: ReturnType<typeof startLogin>
  readonly transactions: Transactions
  /** What a handle of this session stands for; undefined: nothing, or nothing any more. */
  readonly redeemStepUp: (sessionId: SessionId, handle: string) => Promise<StepUp | undefined>
  readonly finish: (
    parameters: URLSearchParams,
    pending: PendingLogin,
    browser: Browser,
  ) => Promise<SessionId>
  /** Sets what a logged-in browser needs besides the session cookie. */
  readonly onLogin: (req: Request, res: Response, id: SessionId) => void
}

/** `/login` and `/callback`: the only two places that send a browser to the provider and take it back. */
export const loginRoutes = (deps: LoginRoutesDeps, readForm: RequestHandler[]): Router => {
  const router = Router({ caseSensitive: true, strict: true })
  router.get('/login', login(deps))
  router.post('/login', ...readForm, login(deps))
  router.get('/callback', callback(deps))
  if (deps.responseMode === 'form_post') router.post('/callback', ...readForm, callback(deps))
  else router.post('/callback', refusePost)
  return router
}

const refusePost: RequestHandler = () => {
  throw new BrokerError('method_not_allowed', { allow: ['GET', 'HEAD'] })
}

const login = (deps: LoginRoutesDeps): RequestHandler =>
  async function login(req, res) {
    if (!isTopLevelNavigation(req)) throw new BrokerError('navigation_required')
    const request = parseLoginRequest(parametersOf(req), deps.door)
    const sessionId = liveSessionId(req)
    const asked = await withStepUp(deps, request, sessionId)
    if (sessionId !== undefined && !asksForMore(asked.wish))
      return deps.reply.redirect(req, res, asked.returnTo)
    const started = await startOrWayBack(deps, asked, {
      cookieHeader: req.headers.cookie,
      sessionId,
    })
    setLoginCookie(deps, res, started.cookie)
    deps.reply.redirect(req, res, started.location)
  }

/**
 * The request with what its handle stands for. One that is over, or another session's, stands for nothing: the app calls once
 * more and gets a new one, if it still needs it.
 */
const withStepUp = async (
  { redeemStepUp }: LoginRoutesDeps,
  request: LoginRequest,
  sessionId: SessionId | undefined,
): Promise<Parameters<LoginRoutesDeps['start']>[0]> => {
  const { stepUpHandle, wish } = request
  if (stepUpHandle === undefined || sessionId === undefined) return request
  const stepUp = await redeemStepUp(sessionId, stepUpHandle)
  if (stepUp === undefined) return request
  return { ...request, wish: strongerWish(wish, stepUp.demand), stepUp }
}

const startOrWayBack = async (
  deps: LoginRoutesDeps,
  request: Parameters<LoginRoutesDeps['start']>[0],
  browser: Parameters<LoginRoutesDeps['start']>[1],
): Promise<StartedLogin> => {
  try {
    return await deps.start(request, browser)
  } catch (error) {
    throw withWayBack(toBrokerError(error), request.returnTo)
  }
}

/**
 * Lax, since the callback is a cross-site navigation; `None` where the provider posts the answer, and then Secure, without
 * which browsers drop it (RFC 6265bis section 5.7): on http://localhost most take it all the same.
 */
const setLoginCookie = (deps: LoginRoutesDeps, res: Response, cookie: string): void => {
  const isPosted = deps.responseMode === 'form_post'
  res.append(
    'Set-Cookie',
    setCookie(deps.cookieName, cookie, {
      secure: deps.secure || isPosted,
      httpOnly: true,
      sameSite: isPosted ? 'None' : 'Lax',
      maxAgeSeconds: loginLifeSeconds,
    }),
  )
}

/** After a login that came back, the next stale one is a first again. */
const forgetRestart = (deps: LoginRoutesDeps, req: Request, res: Response): void => {
  const cookie = deps.transactions.cookieAfterRestart(req.headers.cookie)
  if (cookie !== undefined) setLoginCookie(deps, res, cookie)
}

const callback = (deps: LoginRoutesDeps): RequestHandler =>
  async function callback(req, res) {
    refuseEmbedded(req)
    const parameters = parametersOf(req)
    const state = parameters.getAll('state')
    const taken =
      state.length === 1 && state[0] !== undefined
        ? await deps.transactions.take(req.headers.cookie, state[0])
        : ({ kind: 'unknown' } as const)
    if (taken.kind === 'unknown') return restart(deps, req, res, state[0] ?? '')
    forgetRestart(deps, req, res)
    if (taken.kind === 'done') return deps.reply.redirect(req, res, taken.returnTo)
    try {
      const id = await deps.finish(parameters, taken.pending, browserOf(req))
      deps.onLogin(req, res, id)
    } catch (error) {
      dropSession(req)
      const failure = toBrokerError(error)
      if (!isSilentRefusal(taken.pending, failure)) throw wayBackFrom(deps, failure, taken.returnTo)
    }
    deps.reply.redirect(req, res, taken.returnTo)
  }

/** A callback in a frame or as an image is somebody's attempt to finish a login unseen; a look ahead would use up the code. */
const refuseEmbedded = (req: Request): void => {
  if (isPeek(req)) throw new BrokerError('navigation_required')
  const mode = header(req, 'sec-fetch-mode')
  const destination = header(req, 'sec-fetch-dest')
  if (mode !== undefined && mode !== 'navigate') throw new BrokerError('navigation_required')
  if (destination !== undefined && destination !== 'document')
    throw new BrokerError('navigation_required')
}

/** OpenID Connect Core 1.0 section 3.1.2.6. */
const silentRefusals = new Set([
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
])

/**
 * `prompt=none` that found nobody at the provider: the app learns it from `/session`, without a page in between. The whole
 * answer was checked before: a forged one is no answer to what was asked (RFC 9207 section 2.4).
 */
const isSilentRefusal = ({ prompt }: PendingLogin, { code, info }: BrokerError): boolean =>
  prompt === 'none' && code === 'login_failed' && silentRefusals.has(info.oauthError ?? '')

const browserOf = (req: Request): Browser => ({
  agent: header(req, 'user-agent') ?? '',
  sessionId: liveSessionId(req),
  renew: () => renewSession(req),
  save: (facts) => saveLogin(req, facts),
})

/**
 * The callback of a login that this browser did not start, or started too long ago: begin again, by a page of ours, so
 * that the next request is same-site and shows the session cookie. Twice in a row, the browser keeps no cookies, or the
 * provider gives back another state than it got: without an end, it would be sent round for ever.
 */
const restart = (deps: LoginRoutesDeps, req: Request, res: Response, state: string): void => {
  const hasCookie = cookieValues(req.headers.cookie, deps.cookieName).length > 0
  if ((isRetryState(state) && !hasCookie) || deps.transactions.hasRestarted(req.headers.cookie))
    throw new BrokerError('login_cookie_missing', { loginUrl: loginPath })
  const { base = '' } = deps.door
  const next = `${base}/login?return_to=${encodeURIComponent(`${base}/`)}&retry=1`
  deps.log.info({ has_login_cookie: hasCookie }, 'callback of no login')
  deps.reply.page(req, res, 200, {
    title: 'One moment',
    body: `<p>This sign-in page was opened some time ago or in another browser. You are being taken to a fresh one.</p>
${linkButton(next, 'Continue')}<p>Nothing has been lost.</p>`,
    refreshTo: next,
  })
}

/** Whoever may not log in is offered to be someone else: the provider would send the same person again. */
const wayBackFrom = (deps: LoginRoutesDeps, error: BrokerError, returnTo: string): BrokerError => {
  const failure = withWayBack(error, returnTo)
  if (error.code !== 'not_allowed' && error.code !== 'forbidden_tenant') return failure
  const loginUrl = `${failure.info.loginUrl ?? loginPath}&prompt=${deps.otherAccountPrompt}`
  return new BrokerError(error.code, { ...failure.info, cause: error.cause, loginUrl })
}

const withWayBack = (error: BrokerError, returnTo: string): BrokerError =>
  new BrokerError(error.code, {
    ...error.info,
    cause: error.cause,
    loginUrl: `/login?return_to=${encodeURIComponent(returnTo)}`,
  })
