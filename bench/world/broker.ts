import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { scriptedClient } from '../../test/support/scripted-issuer.ts'
import { freePort } from '../../test/support/redis-server.ts'
import { startChild } from './children.ts'
import type { Ending } from './ending.ts'

const fileAt = (path: string) => new URL(`../../${path}`, import.meta.url).pathname

export type BrokerOptions = {
  readonly issuer: string
  readonly redisUrl: string
  readonly upstream: string
  readonly env?: Readonly<Record<string, string>>
  readonly nodeFlags?: readonly string[]
  /** Text of a CONFIG_FILE, in place of the one route `/api`. */
  readonly routes?: string
}

export type BrokerEnv = Readonly<Record<string, string>>

/** One set of secrets for the whole run, so that what the bench fills in opens in every broker. */
const secrets = {
  SESSION_SECRET: randomBytes(32).toString('base64url'),
  SESSION_KEYS: `k1:${randomBytes(32).toString('base64')}`,
}

/** Settings as of a deployment: session and vault in Redis, sealed; the access log is off for every party. */
export const brokerEnv = (options: BrokerOptions, port: number): BrokerEnv => ({
  ...secrets,
  HOST: '127.0.0.1',
  PORT: String(port),
  BASE_URL: `http://localhost:${port}`,
  OIDC_ISSUER: options.issuer,
  OIDC_CLIENT_ID: scriptedClient.id,
  OIDC_CLIENT_SECRET: scriptedClient.secret,
  REDIS_URL: options.redisUrl,
  REDIS_PREFIX: 'bench:',
  SPA_DIR: fileAt('public'),
  LOG_LEVEL: 'warn',
  ...(options.routes === undefined && { UPSTREAM: options.upstream }),
  ...options.env,
})

/** The broker as deployed: `server/main.ts` in a process of its own. */
export const startBroker = async (t: Ending, options: BrokerOptions) => {
  const port = await freePort()
  // Of its own, so that nobody's .env is read.
  const cwd = await mkdtemp(join(tmpdir(), 'latchkey-bench-broker-'))
  const configFile = join(cwd, 'routes.yaml')
  if (options.routes !== undefined) await writeFile(configFile, options.routes)
  const env = {
    ...brokerEnv(options, port),
    ...(options.routes !== undefined && { CONFIG_FILE: configFile }),
  }
  const flags = options.nodeFlags ?? []
  const child = startChild(process.execPath, [...flags, fileAt('server/main.ts')], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', ...env },
  })
  t.after(async () => {
    await child.end()
    await rm(cwd, { recursive: true, force: true })
  })
  const origin = `http://localhost:${port}`
  await child.line(/^http:/)
  return { ...child, origin, env }
}

export type RunningBroker = Awaited<ReturnType<typeof startBroker>>
