import assert from 'node:assert/strict'
import type { Tenant } from '../../server/config/config.ts'
import type { BrokerConfig } from '../../server/config/ready-config.ts'
import type { TenantsWorld } from './tenants.ts'

type Names = readonly [string, ...string[]]

/** The settings with these further tenants alone, each perhaps changed. */
export const withTenants = (
  { config }: TenantsWorld,
  names: Names,
  change: Partial<Tenant> = {},
): BrokerConfig => {
  const [first, ...others] = (config.tenants ?? [])
    .filter(({ id }) => names.includes(id))
    .map((tenant) => ({ ...tenant, ...change }))
  assert.ok(first !== undefined)
  return { ...config, tenants: [first, ...others] }
}

/** How a call of somebody's to the API at a tenant's place ends. */
export const statusOf = async (
  { address }: TenantsWorld,
  ...[name, user]: Parameters<TenantsWorld['session']>
) => (await user.call(address(name, '/api/orders'))).status
