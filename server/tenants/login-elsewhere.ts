import type { RequestHandler } from 'express'
import { Router } from 'express'
import { BrokerError } from '../core/errors.ts'
import { isTopLevelNavigation } from '../http/caller.ts'
import { loginPath, ownEndpoints } from '../http/endpoints.ts'
import { parametersOf } from '../http/parameters.ts'
import type { Replies } from '../http/reply.ts'

export type LoginElsewhereDeps = {
  readonly reply: Replies
  /** The address of another tenant's `/login`, by the tenant's id. */
  readonly loginOf: (tenant: string) => string | undefined
}

/**
 * On BASE_URL's origin, `/login` with the id of another tenant leads to that tenant's own, with everything else that was asked. At a
 * tenant's own place another id stays unknown: no tenant's address tells who the others are.
 */
export const loginElsewhere = (deps: LoginElsewhereDeps, readForm: RequestHandler[]): Router => {
  const router = Router({ caseSensitive: true, strict: true })
  router.get(loginPath, leadOn(deps))
  router.post(loginPath, ...readForm, leadOn(deps))
  return router
}

const leadOn = ({ reply, loginOf }: LoginElsewhereDeps): RequestHandler =>
  function leadToTenant(req, res, next) {
    const parameters = parametersOf(req)
    const [tenant, second] = parameters.getAll('tenant')
    const login = second === undefined ? loginOf(tenant ?? '') : undefined
    if (login === undefined) return next()
    if (!isTopLevelNavigation(req)) throw new BrokerError('navigation_required')
    parameters.delete('tenant')
    const query = parameters.toString()
    reply.redirect(req, res, query === '' ? login : `${login}?${query}`)
  }

/** BASE_URL's own host where no tenant is: our addresses are there, and nobody's. */
export const nobodysAddresses: RequestHandler = (req, _res, next) => {
  if (!ownEndpoints.has(req.path)) return next()
  if (req.path === loginPath && !isTopLevelNavigation(req))
    throw new BrokerError('navigation_required')
  throw new BrokerError('unknown_tenant', {
    detail: 'This address belongs to no tenant. Name one at /login, as tenant, or go to its own.',
  })
}
