import { parseEnv } from 'node:util'
import type { Random } from '../core/random.ts'
import type { Secret } from '../core/secret.ts'
import { secret } from '../core/secret.ts'
import { apiRoute, loadRoutes } from './config-file.ts'
import type { Config, RedisSettings, Route, SessionSettings } from './config.ts'
import { settings } from './env.ts'
import { loadTenant } from './load-tenant.ts'
import { warningsOf } from './tenant-rules.ts'
import { requireAudiences } from './verify-rules.ts'
import * as parse from './parsers.ts'
import type { Env, Problem, Reader } from './reader.ts'
import { settingsReader } from './reader.ts'
import { refuseUnfitRoutes } from './route-tenant-rules.ts'
import {
  headerSecret,
  isPlaceholder,
  redisAddress,
  sealingKeys,
  signingSecrets,
} from './secret-parsers.ts'

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
  readonly random: Random
}

/** The settings, or everything that is wrong with them at once. */
export const loadConfig = (options: LoadOptions): Loaded => {
  const { env, readFile, random, isDirectory = () => true } = options
  const read = settingsReader(env, readFile)
  const production =
    read.value('NODE_ENV', parse.oneOf(['production', 'development', 'test']), 'development') ===
    'production'
  const port = read.value('PORT', parse.integer(0, 65_535), 3_000)
  const origin = loadOrigin(read, production, port)
  const tenant = loadTenant(read, production)
  checkLater(read)
  const config: Config = {
    production,
    port,
    host: read.value('HOST', parse.host, production ? undefined : 'localhost'),
    origin,
    secure: origin.startsWith('https:'),
    tenant,
    session: loadSession(read, random),
    redis: loadRedis(read),
    routes: loadApi(read, env, readFile),
    ...loadProcess(read),
  }
  requireAudiences(read, config.routes, tenant)
  if (tenant !== undefined) refuseUnfitRoutes(read, tenant, config.routes)
  if (production) refuseDefaults(read)
  const dir = read.text('SPA_DIR')
  if (dir !== undefined && !isDirectory(dir)) read.problem('SPA_DIR', 'is not a folder')
  return read.problems.length > 0
    ? { ok: false, problems: read.problems }
    : { ok: true, config, warnings: warningsFor(config, env), madeUp: madeUpBy(read, config) }
}

/** The environment over what `.env` says. */
export const withDotEnv = (env: Env, text: string): Env => ({ ...parseEnv(text), ...env })

/** All problems as lines for a terminal; never the value of a setting. */
export const formatProblems = (problems: readonly Problem[]): string => {
  const lines = problems.map(
    ({ name, wrong, example }) => `  ${name} ${wrong}\n    for example: ${example}`,
  )
  return `Latchkey cannot start: ${problems.length} of its settings ${problems.length === 1 ? 'is' : 'are'} wrong.\n\n${lines.join('\n')}\n\nAll settings: docs/configuration.md\n`
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

const longestLifeSeconds = 400 * 86_400

const loadSession = (read: Reader, random: Random): SessionSettings => {
  const seconds = parse.integer(1, longestLifeSeconds)
  const idleSeconds = read.value('SESSION_IDLE_SECONDS', seconds, 1_800)
  const absoluteSeconds = read.value('SESSION_ABSOLUTE_SECONDS', seconds, 43_200)
  if (idleSeconds > absoluteSeconds)
    read.problem('SESSION_IDLE_SECONDS', 'is longer than SESSION_ABSOLUTE_SECONDS')
  return {
    secrets: read.value('SESSION_SECRET', signingSecrets, undefined) ?? [secret(random.token(32))],
    keys: read.value('SESSION_KEYS', sealingKeys, undefined) ?? [
      { kid: 'dev', key: secret(random.bytes(32)) },
    ],
    idleSeconds,
    absoluteSeconds,
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

const loadApi = (read: Reader, env: Env, readFile: (path: string) => string): readonly Route[] => {
  const upstream = read.value('UPSTREAM', parse.origin, undefined)
  const file = read.text('CONFIG_FILE')
  if (file === undefined) return upstream === undefined ? [] : [apiRoute(upstream)]
  if (read.text('UPSTREAM') !== undefined)
    read.problem('UPSTREAM', 'is set, and CONFIG_FILE as well: keep one')
  const text = contentOf(file, readFile)
  if (text !== undefined) return loadRoutes(text, { env, readFile, problemAt: read.problemAt })
  read.problem('CONFIG_FILE', 'names a file that cannot be read')
  return []
}

const contentOf = (file: string, readFile: (path: string) => string): string | undefined => {
  try {
    return readFile(file)
  } catch {
    return undefined
  }
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
const refuseDefaults = (read: Reader): void => {
  const needed = ['BASE_URL', 'OIDC_ISSUER', 'REDIS_URL', 'SESSION_SECRET', 'SESSION_KEYS'] as const
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

/** Made-up keys with a store that outlives the process: nobody could open what it keeps. */
const madeUpKeys = ({ redis }: Config, env: Env): string[] =>
  redis !== undefined && !['SESSION_SECRET', 'SESSION_KEYS'].every((name) => isSet(env, name))
    ? ['SESSION_SECRET or SESSION_KEYS is not set: sessions end with this process.']
    : []

const isSet = (env: Env, name: string): boolean =>
  (env[name] ?? '') !== '' || (env[`${name}_FILE`] ?? '') !== ''

const warningsFor = (config: Config, env: Env): string[] => {
  const warnings = madeUpKeys(config, env)
  if (config.redis?.tlsVerify === false)
    warnings.push('REDIS_TLS_VERIFY=false: any certificate passes for Redis.')
  if (config.tenant !== undefined) warnings.push(...warningsOf(config.tenant))
  warnings.push(...loginWarnings(config))
  for (const [name, row] of Object.entries(settings))
    if ('later' in row && isSet(env, name)) warnings.push(`${name} has no effect in this version.`)
  for (const name of Object.keys(env))
    if (isUnknown(name)) warnings.push(`${name} is not a setting of Latchkey: is it misspelt?`)
  return warnings
}

const loginWarnings = ({ tenant, secure }: Config): string[] => [
  ...(tenant?.responseMode === 'form_post' && !secure
    ? ['OIDC_RESPONSE_MODE=form_post needs a Secure cookie: over plain http Safari keeps none.']
    : []),
  ...(tenant?.profile === 'entra' && tenant.allow?.some(({ kind }) => kind === 'domain') === true
    ? ['OIDC_ALLOW has a domain: Entra vouches for none without the optional claim xms_edov.']
    : []),
]

/** By our prefixes; desktops set SESSION_MANAGER for themselves. */
const isUnknown = (name: string): boolean =>
  /^(?:OIDC|SESSION|REDIS|SPA)_(?!MANAGER$)/.test(name) &&
  !Object.hasOwn(settings, name.replace(/_FILE$/, ''))
