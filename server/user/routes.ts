import type { Request, RequestHandler, Response } from 'express'
import { Router } from 'express'
import type { SessionId } from '../core/ids.ts'
import { callerOf } from '../http/caller.ts'
import { loginPath } from '../http/endpoints.ts'
import { requireCsrf, sentCsrfToken } from '../http/csrf.ts'
import type { KeyedHash } from '../http/keyed-hash.ts'
import { parametersOf } from '../http/parameters.ts'
import type { Replies } from '../http/reply.ts'
import { liveSessionId } from '../session/lifecycle.ts'
import type { LiveSession, SessionState } from '../session/records.ts'

export type UserRoutesDeps = {
  readonly reply: Replies
  readonly origin: string
  /** The prefix of the tenant's paths. */
  readonly base: string
  readonly hash: KeyedHash
  readonly readSession: (id: SessionId, slide: boolean) => Promise<SessionState>
  /** Lets axios and Angular find the CSRF token without being told. */
  readonly offerCsrfCookie: (req: Request, res: Response, id: SessionId) => void
}

/** `/session`: what the app may know about who is logged in. Never a token. */
export const userRoutes = (deps: UserRoutesDeps): Router => {
  const router = Router({ caseSensitive: true, strict: true })
  router.get('/session', session(deps))
  return router
}

const session = (deps: UserRoutesDeps): RequestHandler =>
  async function getSession(req, res) {
    const id = liveSessionId(req)
    if (id === undefined) return deps.reply.json(req, res, 200, anonymous(deps))
    requireCsrf(deps.hash, {
      method: req.method,
      caller: callerOf(req, deps.origin),
      token: sentCsrfToken(req),
      sessionId: id,
    })
    const slide = parametersOf(req).get('slide') !== 'false'
    const state = await deps.readSession(id, slide)
    if (state.kind !== 'live') return deps.reply.json(req, res, 200, anonymous(deps))
    deps.offerCsrfCookie(req, res, id)
    deps.reply.json(req, res, 200, describe(state, deps))
  }

const anonymous = ({ base }: UserRoutesDeps) => ({
  authenticated: false,
  login_url: `${base}${loginPath}`,
})

const describe = (
  { id, facts, idleLeftMs, absoluteLeftMs }: LiveSession,
  { hash, base }: UserRoutesDeps,
) => {
  const { principal } = facts
  return {
    authenticated: true,
    user: { ...principal.claims, sub: principal.sub },
    roles: principal.roles,
    tenant: principal.tenant,
    csrf_token: hash.of('csrf', id),
    logout_url: `${base}/logout?sid=${hash.of('logout', id)}`,
    expires_in: Math.floor(idleLeftMs / 1_000),
    absolute_expires_in: Math.floor(absoluteLeftMs / 1_000),
    acr: principal.acr,
    auth_time: principal.authTimeSeconds,
  }
}
