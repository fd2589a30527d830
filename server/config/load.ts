import { parseEnv } from 'node:util'
import type { Random } from '../core/random.ts'
import { secret } from '../core/secret.ts'
import { apiRoute, loadRoutes } from './config-file.ts'
import type { Config, RedisSettings, Route, SessionSettings, Tenant } from './config.ts'
import { settings } from './env.ts'
import { loadTenant } from './load-tenant.ts'
import * as parse from './parsers.ts'
import type { Env, Problem, Reader } from './reader.ts'
import { settingsReader } from './reader.ts'
import { isPlaceholder, redisAddress, sealingKeys, signingSecrets } from './secret-parsers.ts'

export type Loaded =
  | { readonly ok: true; readonly config: Config; readonly warnings: readonly string[] }
  | { readonly ok: false; readonly problems: readonly Problem[] }

export type LoadOptions = {
  readonly env: Env
  /** For `NAME_FILE` and `CONFIG_FILE`; throws when there is no such file. */
  readonly readFile: (path: string) => string
  readonly random: Random
}

/** The settings, or everything that is wrong with them at once. */
export const loadConfig = ({ env, readFile, random }: LoadOptions): Loaded => {
  const read = settingsReader(env, readFile)
  const production =
    read.value('NODE_ENV', parse.oneOf(['production', 'development', 'test']), 'development') ===
    'production'
  const port = read.value('PORT', parse.integer(0, 65_535), 3_000)
  const origin = loadOrigin(read, production, port)
  const tenant = loadTenant(read, production)
  const config: Config = {
    production,
    port,
    host: read.text('HOST') ?? (production ? undefined : 'localhost'),
    origin,
    secure: origin.startsWith('https:'),
    tenant,
    session: loadSession(read, random, production),
    redis: loadRedis(read),
    routes: loadApi(read, env, readFile),
    ...loadProcess(read),
  }
  if (production) refuseDefaults(read, tenant)
  return read.problems.length > 0
    ? { ok: false, problems: read.problems }
    : { ok: true, config, warnings: warningsFor(config, env) }
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
  const fallback = `http://localhost:${port}`
  const origin = read.value('BASE_URL', parse.origin, fallback)
  if (origin.startsWith('https:')) return origin
  if (production && read.text('BASE_URL') !== undefined)
    read.problem('BASE_URL', 'is plain http, which production refuses')
  else if (!parse.isLoopback(new URL(origin)))
    read.problem('BASE_URL', 'is plain http for a host that is not this machine')
  return origin
}

const longestLifeSeconds = 400 * 86_400

const loadSession = (read: Reader, random: Random, production: boolean): SessionSettings => {
  const seconds = parse.integer(1, longestLifeSeconds)
  const idleSeconds = read.value('SESSION_IDLE_SECONDS', seconds, 1_800)
  const absoluteSeconds = read.value('SESSION_ABSOLUTE_SECONDS', seconds, 43_200)
  if (idleSeconds > absoluteSeconds)
    read.problem('SESSION_IDLE_SECONDS', 'is longer than SESSION_ABSOLUTE_SECONDS')
  for (const name of ['SESSION_SECRET', 'SESSION_KEYS'] as const)
    if (production && isPlaceholder(read.text(name) ?? ''))
      read.problem(name, 'is a text of the documentation')
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

const loadRedis = (read: Reader): RedisSettings | undefined => {
  const address = read.value('REDIS_URL', redisAddress, undefined)
  const tlsVerify =
    read.value('REDIS_TLS_VERIFY', parse.oneOf(['true', 'false']), 'true') === 'true'
  const prefix = read.text('REDIS_PREFIX') ?? 'latchkey:'
  if (/[{}]/.test(prefix))
    read.problem('REDIS_PREFIX', 'has a brace, which Redis Cluster reads as a hash tag')
  return address && { ...address, prefix, ca: read.text('REDIS_CA'), tlsVerify }
}

const loadApi = (read: Reader, env: Env, readFile: (path: string) => string): readonly Route[] => {
  const upstream = read.value('UPSTREAM', parse.origin, undefined)
  const file = read.text('CONFIG_FILE')
  if (file === undefined) return upstream === undefined ? [] : [apiRoute(upstream)]
  if (upstream !== undefined) read.problem('UPSTREAM', 'is set, and CONFIG_FILE as well: keep one')
  try {
    return loadRoutes(readFile(file), { env, readFile, problemAt: read.problemAt })
  } catch {
    read.problem('CONFIG_FILE', 'names a file that cannot be read')
    return []
  }
}

const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const

const loadProcess = (read: Reader) => {
  if (read.text('SPA_ORIGIN') !== undefined)
    read.problem('SPA_ORIGIN', 'is not available in this version')
  return {
    spa: { dir: read.text('SPA_DIR') ?? 'public' },
    csp: read.text('CSP'),
    trustProxy: read.value('TRUST_PROXY', parse.trustProxy, 0),
    refreshAheadSeconds: read.value('REFRESH_AHEAD_SECONDS', parse.integer(0, 86_400), 30),
    shutdownSeconds: read.value('SHUTDOWN_SECONDS', parse.integer(0, 3_600), 25),
    log: {
      level: read.value('LOG_LEVEL', parse.oneOf(levels), 'info'),
      format: read.value('LOG_FORMAT', parse.oneOf(['json', 'logfmt', 'pretty']), 'json'),
    },
  }
}

/** What development makes up by itself, production wants to be told. */
const refuseDefaults = (read: Reader, tenant: Tenant | undefined): void => {
  const needed = ['BASE_URL', 'REDIS_URL', 'SESSION_SECRET', 'SESSION_KEYS'] as const
  for (const name of needed)
    if (read.text(name) === undefined) read.problem(name, 'is not set, and production needs it')
  if (tenant === undefined && read.text('OIDC_ISSUER') === undefined)
    read.problem('OIDC_ISSUER', 'is not set, and production needs it')
  if (read.text('UPSTREAM') === undefined && read.text('CONFIG_FILE') === undefined)
    read.problem('UPSTREAM', 'is not set, nor is CONFIG_FILE, and production needs one')
}

const warningsFor = (config: Config, env: Env): string[] => {
  const warnings =
    config.redis?.tlsVerify === false
      ? ['REDIS_TLS_VERIFY=false: any certificate passes for Redis.']
      : []
  for (const [name, row] of Object.entries(settings))
    if (
      'later' in row &&
      (env[name] ?? '') !== '' &&
      !(name === 'WEB_CONCURRENCY' && env[name] === '1')
    )
      warnings.push(`${name} has no effect in this version.`)
  for (const name of Object.keys(env))
    if (isUnknown(name)) warnings.push(`${name} is not a setting of Latchkey: is it misspelt?`)
  return warnings
}

const isUnknown = (name: string): boolean =>
  /^(?:OIDC|SESSION|REDIS|SPA)_/.test(name) && !Object.hasOwn(settings, name.replace(/_FILE$/, ''))
