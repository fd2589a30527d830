import type { RequestHandler } from 'express'
import { Router } from 'express'
import { BrokerError } from '../core/errors.ts'
import type { Issuer, Sid } from '../core/ids.ts'
import type { Log } from '../core/log.ts'
import { frontchannelLogoutPath } from '../http/endpoints.ts'
import { parametersOf } from '../http/parameters.ts'
import type { Replies } from '../http/reply.ts'
import type { NamedBy } from './logout-request.ts'
import { readLogoutRequest } from './logout-request.ts'

export type FrontchannelLogoutDeps = {
  readonly log: Log
  readonly nowMs: () => number
  readonly reply: Replies
  readonly issuer: Issuer
  readonly namedBy: NamedBy
  /** Whose pages may frame the answer. */
  readonly providerOrigins: () => readonly string[]
  /** Ends every session of that login that was created before; counts them. */
  readonly endSessions: (
    filter: { readonly issuer: Issuer; readonly sid: Sid },
    beforeMs: number,
  ) => Promise<number>
}

/** `/frontchannel-logout`: the provider's logout page opens it in a frame, as OpenID Connect Front-Channel Logout 1.0 has it. */
export const frontchannelLogoutRoutes = (deps: FrontchannelLogoutDeps): Router => {
  const router = Router({ caseSensitive: true, strict: true })
  router.all(frontchannelLogoutPath, frontchannelLogout(deps))
  return router
}

/**
 * Ends the login that the provider names, and asks for no cookie: browsers keep it from a frame on another site.
 *
 * Nobody signs this request. `sid` is the provider's secret name for one login, so whoever knows it could end that login and no
 * other; a session created from now on stays, and a `sid` that nobody has changes nothing in the store.
 */
const frontchannelLogout = (deps: FrontchannelLogoutDeps): RequestHandler =>
  async function getFrontchannelLogout(req, res) {
    if (req.method !== 'GET') throw new BrokerError('method_not_allowed', { allow: ['GET'] })
    const { issuer } = deps
    const sid = readLogoutRequest(parametersOf(req), deps)
    if (!sid.ok) throw new BrokerError('invalid_request', { detail: sid.reason })
    const ended = await deps.endSessions({ issuer, sid: sid.value }, deps.nowMs())
    if (ended > 0)
      deps.log.info(
        { audit: 'frontchannel_logout', issuer, sid: sid.value, ended },
        'front-channel logout',
      )
    deps.reply.page(req, res, 200, {
      title: 'Logged out',
      body: '<p>Nobody is logged in by that session here.</p>',
      framedBy: deps.providerOrigins(),
    })
  }
