import { randomBytes } from 'node:crypto'
import type { Config } from '../../server/config/config.ts'
import type { Loaded } from '../../server/config/load.ts'
import { formatProblems, loadConfig } from '../../server/config/load.ts'
import type { Env } from '../../server/config/reader.ts'
import { systemRandom } from '../../server/core/random.ts'

export type Files = Readonly<Record<string, string>>

/** What the settings make, with the files there are. */
export const load = (env: Env, files: Files = {}): Loaded =>
  loadConfig({
    env,
    random: systemRandom,
    readFile: (path) => {
      const text = files[path]
      if (text === undefined) throw new Error(`no file ${path}`)
      return text
    },
  })

/** The settings' value; throws the problems. */
export const loaded = (env: Env, files: Files = {}): Config => {
  const result = load(env, files)
  if (!result.ok) throw new Error(formatProblems(result.problems))
  return result.config
}

/** Each problem as `NAME what is wrong`. */
export const problems = (env: Env, files: Files = {}): readonly string[] => {
  const result = load(env, files)
  return result.ok ? [] : result.problems.map(({ name, wrong }) => `${name} ${wrong}`)
}

/** The names of what is wrong, each once. */
export const wrongNames = (env: Env, files: Files = {}): readonly string[] => [
  ...new Set(problems(env, files).map((line) => line.split(' ', 1)[0] ?? '')),
]

export const warnings = (env: Env, files: Files = {}): readonly string[] => {
  const result = load(env, files)
  return result.ok ? result.warnings : []
}

export const sealingKeyText = (kid = 'k1'): string => `${kid}:${randomBytes(32).toString('base64')}`
export const signingSecretText = (): string => randomBytes(32).toString('hex')

/** The least that production starts with. */
export const production = {
  NODE_ENV: 'production',
  BASE_URL: 'https://app.test',
  OIDC_ISSUER: 'https://id.test',
  OIDC_CLIENT_ID: 'bff',
  OIDC_CLIENT_SECRET: randomBytes(16).toString('hex'),
  REDIS_URL: 'redis://redis.test:6379',
  SESSION_SECRET: signingSecretText(),
  SESSION_KEYS: sealingKeyText(),
  UPSTREAM: 'http://api.test:8080',
} as const

/** A provider for development. */
export const provider = {
  OIDC_ISSUER: 'https://id.test',
  OIDC_CLIENT_ID: 'bff',
  OIDC_CLIENT_SECRET: 'sesame',
} as const

/** An environment without some of its names. */
export const without = (env: Env, ...names: readonly string[]): Env =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !names.includes(name)))
