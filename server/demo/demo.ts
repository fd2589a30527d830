import type { Random } from '../core/random.ts'
import { systemRandom } from '../core/random.ts'
import { demoAccounts } from './accounts.ts'
import { startDemoApi } from './api.ts'
import { startDemoProvider } from './provider.ts'

export type DemoOptions = {
  /** The app's public origin, such as `http://localhost:3000`. */
  readonly origin: string
  readonly accessTokenSeconds?: number
  /** 0, the default, takes a free one. */
  readonly providerPort?: number
  readonly apiPort?: number
  readonly random?: Random
  readonly onError?: (error: unknown) => void
}

export type Demo = {
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  /** Origin of the demo API, which answers under `/api`. */
  readonly upstream: string
  readonly users: readonly { readonly user: string; readonly password: string }[]
  readonly close: () => Promise<void>
}

const clientId = 'latchkey-demo'
const apiAudience = 'urn:latchkey:demo-api'

/** A provider with people to be and an API to call, both on 127.0.0.1; for development only. */
export const startDemo = async (options: DemoOptions): Promise<Demo> => {
  const { origin, random = systemRandom, providerPort, apiPort, ...rest } = options
  const clientSecret = random.token(32)
  const provider = await startDemoProvider({
    ...rest,
    random,
    clientId,
    clientSecret,
    apiAudience,
    redirectUri: `${origin}/callback`,
    postLogoutRedirectUri: `${origin}/logout/callback`,
    backchannelLogoutUri: `${origin}/backchannel-logout`,
    ...(providerPort !== undefined && { port: providerPort }),
  })
  const { issuer } = provider
  const api = await startDemoApi({
    issuer,
    audience: apiAudience,
    ...(rest.onError !== undefined && { onError: rest.onError }),
    ...(apiPort !== undefined && { port: apiPort }),
  }).catch(async (cause: unknown) => {
    await provider.close()
    throw cause
  })
  const users = demoAccounts.map(({ username, password }) => ({ user: username, password }))
  const close = async () => {
    await Promise.all([provider.close(), api.close()])
  }
  return { issuer, clientId, clientSecret, upstream: api.origin, users, close }
}
