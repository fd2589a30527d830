import type { Config, Route, Tenant } from './config/config.ts'
import { asIssuer, asTenantId } from './core/ids.ts'
import { secret } from './core/secret.ts'
import type { Demo } from './demo/demo.ts'
import type { BrokerConfig } from './config/ready-config.ts'

export type DemoReady = { readonly config: BrokerConfig; readonly demo: Demo | undefined }

/**
 * The settings, completed for a first look: with no provider set, one starts on 127.0.0.1 with people to be and an API to
 * call. The settings refuse this in production; the provider's package is a development dependency.
 */
export const withDemo = async (
  config: Config,
  apiRoute: (upstream: string) => Route,
): Promise<DemoReady> => {
  const { tenant, tenants: [first, ...others] = [] } = config
  if (tenant !== undefined) return { config: { ...config, tenant }, demo: undefined }
  if (first !== undefined)
    return { config: { ...config, tenants: [first, ...others] }, demo: undefined }
  const { startDemo } = await import('./demo/demo.ts')
  const demo = await startDemo({ origin: config.origin }).catch((cause: unknown) => {
    throw isMissingModule(cause) ? new DemoMissing(demoAdvice, { cause }) : cause
  })
  const routes = config.routes.length > 0 ? config.routes : [apiRoute(demo.upstream)]
  return { config: { ...config, routes, tenant: demoTenant(demo) }, demo }
}

/** The demo cannot start: its provider is a development dependency, and those are not installed. */
export class DemoMissing extends Error {}

const demoAdvice =
  'OIDC_ISSUER is not set, and the demo provider of development is not installed. Set OIDC_ISSUER, or run npm ci.'

const isMissingModule = (error: unknown): boolean =>
  error instanceof Error && Reflect.get(error, 'code') === 'ERR_MODULE_NOT_FOUND'

const demoTenant = (demo: Demo): Tenant => ({
  id: asTenantId('default'),
  issuer: asIssuer(demo.issuer),
  profile: 'generic',
  clientId: demo.clientId,
  clientAuth: { method: 'client_secret_basic', secret: secret(demo.clientSecret) },
  scope: 'openid profile email',
  authParams: {},
  rolesClaim: 'roles',
  responseMode: 'query',
  logoutHint: 'id_token',
  logoutTyp: 'compat',
  timeoutMs: 8_000,
  refreshLeewaySeconds: 0,
})
