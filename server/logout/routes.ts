import type { Request, RequestHandler, Response } from 'express'
import { Router } from 'express'
import { BrokerError } from '../core/errors.ts'
import type { SessionId } from '../core/ids.ts'
import { parseReturnTo } from '../core/return-to.ts'
import { isTopLevelNavigation } from '../http/caller.ts'
import { csrfField } from '../http/csrf-middleware.ts'
import { escapeHtml, linkButton } from '../http/html.ts'
import type { KeyedHash } from '../http/keyed-hash.ts'
import { parametersOf } from '../http/parameters.ts'
import { header } from '../http/raw-headers.ts'
import type { Replies } from '../http/reply.ts'
import { dropSession, liveSessionId } from '../session/lifecycle.ts'
import type { EndLogin } from './end-login.ts'

export type LogoutRoutesDeps = {
  readonly reply: Replies
  readonly origin: string
  /** The prefix of the tenant's paths. */
  readonly base: string
  readonly hash: KeyedHash
  readonly endLogin: EndLogin
  readonly csrf: RequestHandler
  readonly readForm: RequestHandler
  /** Takes the browser's cookies away. */
  readonly clearCookies: (res: Response) => void
}

/** `/logout` and what follows it. */
export const logoutRoutes = (deps: LogoutRoutesDeps): Router => {
  const router = Router({ caseSensitive: true, strict: true })
  router.post('/logout', deps.readForm, fieldsOf, deps.csrf, post(deps))
  router.get('/logout', get(deps))
  router.get('/logout/continue', followTicket(deps))
  router.get('/logout/callback', backFromProvider(deps))
  return router
}

/** Gives lusca the form field it looks for. */
const fieldsOf: RequestHandler = (req, _res, next) => {
  const form = typeof req.body === 'string' ? new URLSearchParams(req.body) : undefined
  req.body = { form, [csrfField]: form?.get(csrfField) ?? undefined }
  next()
}

const post = (deps: LogoutRoutesDeps): RequestHandler =>
  async function postLogout(req, res) {
    // `fieldsOf` has run before.
    const { form } = req.body as { form: URLSearchParams | undefined }
    const wanted = form?.get('return_to') ?? parametersOf(req).get('return_to')
    const returnTo = returnToOf(deps, wanted)
    await leave(deps, { req, res, returnTo })
  }

const get = (deps: LogoutRoutesDeps): RequestHandler =>
  async function getLogout(req, res) {
    if (!isTopLevelNavigation(req)) throw new BrokerError('navigation_required')
    const parameters = parametersOf(req)
    const returnTo = returnToOf(deps, parameters.get('return_to'))
    const id = liveSessionId(req)
    // A link from elsewhere cannot know it: nobody logs a person out by an image or a link (login CSRF's twin).
    if (id !== undefined && deps.hash.matches('logout', id, parameters.get('sid') ?? ''))
      return await leave(deps, { req, res, returnTo })
    if (id !== undefined) return await askFirst(deps, { req, res, returnTo, id })
    const site = header(req, 'sec-fetch-site')
    if (site === 'cross-site' || site === 'same-site') return askAgain(deps, { req, res, returnTo })
    deps.reply.redirect(req, res, returnTo)
  }

type Leaving = { readonly req: Request; readonly res: Response; readonly returnTo: string }

const leave = async (deps: LogoutRoutesDeps, { req, res, returnTo }: Leaving): Promise<void> => {
  const id = liveSessionId(req)
  const next =
    id === undefined ? returnTo : await deps.endLogin.end(id, req.session.principal?.sub, returnTo)
  dropSession(req)
  deps.clearCookies(res)
  if (!wantsJson(req)) return deps.reply.redirect(req, res, next)
  deps.reply.json(req, res, 200, { redirect_to: await deps.endLogin.ticketFor(next) })
}

const wantsJson = (req: Request): boolean =>
  req.method === 'POST' && (header(req, 'accept') ?? '').includes('application/json')

const askFirst = async (
  deps: LogoutRoutesDeps,
  asked: Leaving & { readonly id: SessionId },
): Promise<void> => {
  await deps.endLogin.meetProvider()
  const token = deps.hash.of('csrf', asked.id)
  deps.reply.page(asked.req, asked.res, 200, {
    title: 'Log out?',
    hasForm: true,
    body: `<p>You are about to end your session in this browser.</p>
<form method="post" action="${escapeHtml(deps.base)}/logout">
<input type="hidden" name="${csrfField}" value="${escapeHtml(token)}">
<input type="hidden" name="return_to" value="${escapeHtml(asked.returnTo)}">
<button type="submit">Log out</button>
</form>`,
  })
}

/** The link came from another site, so the Strict cookie stayed behind: one step on this site shows it. */
const askAgain = (deps: LogoutRoutesDeps, { req, res, returnTo }: Leaving): void => {
  const next = `${deps.base}/logout?return_to=${encodeURIComponent(returnTo)}`
  deps.reply.page(req, res, 200, {
    title: 'Log out?',
    body: `<p>Another site asked to end your session here.</p>${linkButton(next, 'Go on to log out')}`,
  })
}

const followTicket = (deps: LogoutRoutesDeps): RequestHandler =>
  async function followLogoutTicket(req, res) {
    // A script that followed it by fetch could read the ID token off the address it ends at.
    if (header(req, 'sec-fetch-mode') !== undefined && !isTopLevelNavigation(req))
      throw new BrokerError('navigation_required')
    const location = await deps.endLogin.redeem(parametersOf(req).get('ticket') ?? '')
    deps.reply.redirect(req, res, location ?? `${deps.base}/`)
  }

const backFromProvider = (deps: LogoutRoutesDeps): RequestHandler =>
  async function logoutCallback(req, res) {
    const returnTo = await deps.endLogin.returnToOf(parametersOf(req).get('state') ?? '')
    deps.reply.redirect(req, res, returnTo)
  }

/** A bad address never keeps anybody from logging out. */
const returnToOf = ({ base }: LogoutRoutesDeps, raw: string | null): string => {
  const parsed = parseReturnTo(raw)
  return parsed.ok ? parsed.value : `${base}/`
}
