import type { Config } from './config/config.ts'
import { settings } from './config/env.ts'
import type { Env } from './config/reader.ts'
import type { Demo } from './demo/demo.ts'

export type HandedOver = {
  /** With the port that was found for `PORT=0`. */
  readonly config: Config
  /** What development made up: each worker alone would make up another. */
  readonly madeUp: Env
  readonly demo: Demo | undefined
}

/** What a worker's environment says over its parent's, so that all of them have the same settings. */
export const workerEnv = ({ config, madeUp, demo }: HandedOver): Env =>
  alone({
    ...madeUp,
    PORT: String(config.port),
    ...(demo !== undefined && demoEnv(config, demo)),
  })

const demoEnv = ({ routes }: Config, demo: Demo): Env => ({
  // The demo's client is what it is, whatever else is set.
  ...Object.fromEntries(providerNames.map((name) => [name, ''])),
  OIDC_ISSUER: demo.issuer,
  OIDC_CLIENT_ID: demo.clientId,
  OIDC_CLIENT_SECRET: demo.clientSecret,
  ...(routes.length === 0 && { UPSTREAM: demo.upstream }),
})

const providerNames = Object.keys(settings).filter((name) => name.startsWith('OIDC_'))

/** No `NAME_FILE` may say otherwise. */
const alone = (env: Env): Env => ({
  ...env,
  ...Object.fromEntries(Object.keys(env).map((name) => [`${name}_FILE`, ''])),
})
