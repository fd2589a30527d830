import type { Route } from '../config/config.ts'
import { BrokerError } from '../core/errors.ts'
import type { TenantId } from '../core/ids.ts'
import type { Principal } from '../core/principal.ts'

/**
 * Passes a call that came in at a tenant whose users may use the route, from one of them; throws `forbidden_tenant`.
 * Another tenant's cookie does not even open here; should one, it is worth nothing all the same.
 */
export const requireTenant = (
  tenant: TenantId,
  { tenants }: Pick<Route, 'tenants'>,
  principal: Pick<Principal, 'tenant'> | undefined,
): void => {
  if (tenants !== undefined && !tenants.includes(tenant))
    throw new BrokerError('forbidden_tenant', { detail: `This is not for ${tenant}.` })
  if (principal !== undefined && principal.tenant !== tenant)
    throw new BrokerError('forbidden_tenant', {
      detail: `The session is of ${principal.tenant}, the call is for ${tenant}.`,
    })
}
