import type { Config, Tenant } from './config.ts'

/** Settings of one tenant at one place: its origin, its provider, its sessions. */
export type ReadyConfig = Config & {
  readonly tenant: Tenant
  /** The prefix that its paths have on that origin; none without. */
  readonly base?: string
  /** Those of other tenants on that origin, where this one has none itself. */
  readonly othersBases?: readonly string[]
}

/** Settings with somebody to log in at. */
export type BrokerConfig =
  ReadyConfig | (Config & { readonly tenants: readonly [Tenant, ...Tenant[]] })
