import type { ErrorRequestHandler, Request, RequestHandler } from 'express'
import { Router } from 'express'
import { BrokerError, toBrokerError } from '../core/errors.ts'
import type { Log } from '../core/log.ts'
import type { Replies } from '../http/reply.ts'
import { requestIdOf } from '../http/request-id.ts'

export type BackchannelLogoutDeps = {
  readonly log: Log
  readonly reply: Replies
  readonly readForm: RequestHandler
  readonly accept: (token: string) => Promise<void>
}

/** `/backchannel-logout`: the issuer says that a login is over. No cookie, no CSRF: the token speaks for itself. */
export const backchannelLogoutRoutes = (deps: BackchannelLogoutDeps): Router => {
  const router = Router({ caseSensitive: true, strict: true })
  router.post('/backchannel-logout', deps.readForm, backchannelLogout(deps), refuse(deps))
  return router
}

const backchannelLogout = ({ reply, accept }: BackchannelLogoutDeps): RequestHandler =>
  async function postBackchannelLogout(req, res) {
    await accept(logoutTokenOf(req))
    reply.json(req, res, 200, {})
  }

/** Whatever went wrong, a body that is too long included, the issuer is told 400: section 2.8 knows no other failure. */
const refuse = ({ log }: BackchannelLogoutDeps): ErrorRequestHandler =>
  // Express tells an error handler by its four parameters.
  function refuseLogout(error: unknown, req, _res, next) {
    const cause = toBrokerError(error)
    log.warn({ err: cause, request_id: requestIdOf(req) }, 'back-channel logout refused')
    const detail = cause.info.detail ?? 'The logout could not be carried out. Try again.'
    const members = { error: 'invalid_request', error_description: detail }
    next(new BrokerError('invalid_request', { detail, members, cause }))
  }

const logoutTokenOf = (req: Request): string => {
  const form = typeof req.body === 'string' ? new URLSearchParams(req.body) : undefined
  const [token, second] = form?.getAll('logout_token') ?? []
  if (token === undefined || second !== undefined)
    throw new BrokerError('invalid_request', {
      detail: 'Send one logout_token as a form field (application/x-www-form-urlencoded).',
    })
  return token
}
