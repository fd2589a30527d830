import type { Config, Tenant } from './config.ts'
import { settings } from './env.ts'
import { inFile } from './file-tenants.ts'
import type { Env } from './reader.ts'
import { warningsOf } from './tenant-rules.ts'

/** Made-up keys with a store that outlives the process: nobody could open what it keeps. */
const madeUpKeys = ({ redis }: Config, env: Env): string[] =>
  redis !== undefined && !['SESSION_SECRET', 'SESSION_KEYS'].every((name) => isSet(env, name))
    ? ['SESSION_SECRET or SESSION_KEYS is not set: sessions end with this process.']
    : []

const isSet = (env: Env, name: string): boolean =>
  (env[name] ?? '') !== '' || (env[`${name}_FILE`] ?? '') !== ''

/** What works, and not as a deployer may think. */
export const warningsFor = (config: Config, env: Env): string[] => {
  const warnings = madeUpKeys(config, env)
  if (config.redis?.tlsVerify === false)
    warnings.push('REDIS_TLS_VERIFY=false: any certificate passes for Redis.')
  if (config.tenant !== undefined) warnings.push(...loginWarnings(config.tenant, config))
  for (const tenant of config.tenants ?? [])
    for (const warning of loginWarnings(tenant, config))
      warnings.push(`Tenant ${tenant.id}: ${inFile(warning)}`)
  for (const [name, row] of Object.entries(settings))
    if ('later' in row && isSet(env, name)) warnings.push(`${name} has no effect in this version.`)
  for (const name of Object.keys(env))
    if (isUnknown(name)) warnings.push(`${name} is not a setting of Latchkey: is it misspelt?`)
  return warnings
}

const loginWarnings = (tenant: Tenant, { secure }: Config): string[] => [
  ...warningsOf(tenant),
  ...(tenant.responseMode === 'form_post' && !secure
    ? ['OIDC_RESPONSE_MODE=form_post needs a Secure cookie: over plain http Safari keeps none.']
    : []),
  ...(tenant.profile === 'entra' && tenant.allow?.some(({ kind }) => kind === 'domain') === true
    ? ['OIDC_ALLOW has a domain: Entra vouches for none without the optional claim xms_edov.']
    : []),
]

/** By our prefixes; desktops set SESSION_MANAGER for themselves. */
const isUnknown = (name: string): boolean =>
  /^(?:OIDC|SESSION|REDIS|SPA)_(?!MANAGER$)/.test(name) &&
  !Object.hasOwn(settings, name.replace(/_FILE$/, ''))
