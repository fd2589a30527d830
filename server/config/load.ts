import { parseEnv } from 'node:util'
import type { Random } from '../core/random.ts'
import type { Secret } from '../core/secret.ts'
import { secret } from '../core/secret.ts'
import type { Steps } from '../core/steps.ts'
import { atOnce } from '../core/steps.ts'
import type { Config, RedisSettings, SessionSettings } from './config.ts'
import { lifeOf } from './file-tenants.ts'
import { loadApi } from './load-api.ts'
import { loadTenant } from './load-tenant.ts'
import { warningsFor } from './warnings.ts'
import * as parse from './parsers.ts'
import type { Env, Problem, Reader } from './reader.ts'
import { settingsReader } from './reader.ts'
import {
  headerSecret,
  isPlaceholder,
  redisAddress,
  sealingKeys,
  signingSecrets,
} from './secret-parsers.ts'
import type { Tree } from './yaml-tree.ts'
import { yamlTree } from './yaml-tree.ts'

export type Loaded =
  | {
      readonly ok: true
      readonly config: Config
      readonly warnings: readonly string[]
      /** The secrets that development made up, as settings that would say the same. */
      readonly madeUp: Secret<Env>
    }
  | { readonly ok: false; readonly problems: readonly Problem[] }

export type LoadOptions = {
  readonly env: Env
  /** For `NAME_FILE` and `CONFIG_FILE`; throws when there is no such file. */
  readonly readFile: (path: string) => string
  /** For `SPA_DIR`; without it the folder is taken to be there. */
  readonly isDirectory?: (path: string) => boolean
  /** For CONFIG_FILE, where its syntax has been looked at elsewhere. */
  readonly treeOf?: (text: string) => Tree
  readonly random: Random
}

/** The settings, or everything that is wrong with them at once. */
export const loadConfig = (options: LoadOptions): Loaded => atOnce(loadSteps(options))

/** As `loadConfig`, in steps: thousands of tenants take a while. */
export function* loadSteps(options: LoadOptions): Steps<Loaded> {
  const { env, readFile, random, isDirectory = () => true, treeOf = yamlTree } = options
  const read = settingsReader(env, readFile)
  const production =
    read.value('NODE_ENV', parse.oneOf(['production', 'development', 'test']), 'development') ===
    'production'
  const port = read.value('PORT', parse.integer(0, 65_535), 3_000)
  const origin = loadOrigin(read, production, port)
  const tenant = loadTenant(read, production)
  const session = loadSession(read, random)
  checkLater(read)
  const config: Config = {
    production,
    port,
    host: read.value('HOST', parse.host, production ? undefined : 'localhost'),
    origin,
    secure: origin.startsWith('https:'),
    tenant,
    session,
    redis: loadRedis(read),
    ...(yield* loadApi(read, { env, readFile, treeOf, production, origin, session, tenant })),
    ...loadProcess(read),
  }
  if (production) refuseDefaults(read, config)
  const dir = read.text('SPA_DIR')
  if (dir !== undefined && !isDirectory(dir)) read.problem('SPA_DIR', 'is not a folder')
  return read.problems.length > 0
    ? { ok: false, problems: read.problems }
    : { ok: true, config, warnings: warningsFor(config, env), madeUp: madeUpBy(read, config) }
}

/** The environment over what `.env` says. */
export const withDotEnv = (env: Env, text: string): Env => ({ ...parseEnv(text), ...env })

/** All problems as lines for a terminal; never the value of a setting. */
export const formatProblems = (
  problems: readonly Problem[],
  consequence = 'Latchkey cannot start',
): string => {
  const lines = problems.map(
    ({ name, wrong, example }) => `  ${name} ${wrong}\n    for example: ${example}`,
  )
  return `${consequence}: ${problems.length} of its settings ${problems.length === 1 ? 'is' : 'are'} wrong.\n\n${lines.join('\n')}\n\nAll settings: docs/configuration.md\n`
}

const loadOrigin = (read: Reader, production: boolean, port: number): string => {
  const origin = read.value('BASE_URL', parse.origin, undefined)
  if (origin === undefined) return `http://localhost:${port}`
  if (origin.startsWith('https:')) return origin
  if (production) read.problem('BASE_URL', 'is plain http, which production refuses')
  else if (!parse.isLoopback(new URL(origin)))
    read.problem('BASE_URL', 'is plain http for a host that is not this machine')
  return origin
}

const loadSession = (read: Reader, random: Random): SessionSettings => {
  return {
    secrets: read.value('SESSION_SECRET', signingSecrets, undefined) ?? [secret(random.token(32))],
    keys: read.value('SESSION_KEYS', sealingKeys, undefined) ?? [
      { kid: 'dev', key: secret(random.bytes(32)) },
    ],
    ...lifeOf(read, { idleSeconds: 1_800, absoluteSeconds: 43_200 }),
    sameSite: read.value('SESSION_SAMESITE', parse.oneOf(['strict', 'lax']), 'strict'),
    claims: read.value('SESSION_CLAIMS', parse.list, []),
  }
}

const madeUpBy = (read: Reader, { session: { secrets, keys } }: Config): Secret<Env> =>
  secret({
    ...(read.text('SESSION_SECRET') === undefined && {
      SESSION_SECRET: secrets.map((one) => one.reveal()).join(','),
    }),
    ...(read.text('SESSION_KEYS') === undefined && {
      SESSION_KEYS: keys
        .map(({ kid, key }) => `${kid}:${key.reveal().toString('base64')}`)
        .join(','),
    }),
  })

const loadRedis = (read: Reader): RedisSettings | undefined => {
  const address = read.value('REDIS_URL', redisAddress, undefined)
  const tlsVerify =
    read.value('REDIS_TLS_VERIFY', parse.oneOf(['true', 'false']), 'true') === 'true'
  const prefix = read.text('REDIS_PREFIX') ?? 'latchkey:'
  if (/[{}]/.test(prefix))
    read.problem('REDIS_PREFIX', 'has a brace, which Redis Cluster reads as a hash tag')
  const ca = read.value('REDIS_CA', parse.certificates, undefined)
  return address && { ...address, prefix, ca, tlsVerify }
}

const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

const loadProcess = (read: Reader) => {
  if (read.text('SPA_ORIGIN') !== undefined)
    read.problem('SPA_ORIGIN', 'is not available in this version')
  return {
    spa: { dir: read.text('SPA_DIR') ?? 'public' },
    csp: read.value('CSP', parse.headerText, undefined),
    trustProxy: read.value('TRUST_PROXY', parse.trustProxy, 0),
    refreshAheadSeconds: read.value('REFRESH_AHEAD_SECONDS', parse.integer(0, 86_400), 30),
    shutdownSeconds: read.value('SHUTDOWN_SECONDS', parse.integer(0, 3_600), 25),
    workers: loadWorkers(read),
    forwardAuthSecret: read.value('FORWARD_AUTH_SECRET', headerSecret, undefined),
    log: {
      level: read.value('LOG_LEVEL', parse.oneOf(levels), 'info'),
      format: read.value('LOG_FORMAT', parse.oneOf(['json', 'logfmt', 'pretty']), 'json'),
    },
  }
}

const loadWorkers = (read: Reader): number => {
  const workers = read.value('WEB_CONCURRENCY', parse.integer(1, 1_024), 1)
  if (workers > 1 && read.text('REDIS_URL') === undefined)
    read.problem(
      'WEB_CONCURRENCY',
      'is more than 1, and workers share sessions only with REDIS_URL',
    )
  return workers
}

/** What development makes up by itself, production wants to be told. */
const refuseDefaults = (read: Reader, { tenants = [] }: Config): void => {
  // A file that could not be read may have meant to have tenants.
  const hasFileFault = read.problems.some(({ name }) => name.startsWith('CONFIG_FILE'))
  const needed = [
    'BASE_URL',
    ...(tenants.length > 0 || hasFileFault ? [] : (['OIDC_ISSUER'] as const)),
    'REDIS_URL',
    'SESSION_SECRET',
    'SESSION_KEYS',
  ] as const
  for (const name of needed) read.require(name, 'is not set, and production needs it')
  if (read.text('CONFIG_FILE') === undefined)
    read.require('UPSTREAM', 'is not set, nor is CONFIG_FILE, and production needs one')
  for (const name of copiedSecrets)
    if (isPlaceholder(read.text(name) ?? '')) read.problem(name, 'is a text of the documentation')
}

/** The secrets that a deployer makes up, or copies with the page that explains them. */
const copiedSecrets = [
  'SESSION_SECRET',
  'SESSION_KEYS',
  'OIDC_CLIENT_SECRET',
  'OIDC_CLIENT_SECRET_NEXT',
  'METRICS_TOKEN',
  'FORWARD_AUTH_SECRET',
] as const

/** Settings without effect in this version: what is malformed today is not discovered by an update. */
const checkLater = (read: Reader): void => {
  read.value('OIDC_LOGOUT_TYP', parse.oneOf(['compat', 'strict']), 'compat')
}
