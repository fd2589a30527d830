import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parseEnv } from 'node:util'
import { format, resolveConfig } from 'prettier'
import { z } from 'zod'
import { configDocs, envExample } from '../../scripts/write-config-docs.ts'
import { settings } from '../../server/config/env.ts'
import { fileSchema } from '../../server/config/file-schema.ts'
import { load, problems, without } from '../config/loading.ts'

test('docs/configuration.md › the whole page › is what the tables of settings say', async () => {
  const style = await resolveConfig('docs/configuration.md')
  const written = await format(configDocs(), { ...style, parser: 'markdown' })
  assert.equal(readFileSync('docs/configuration.md', 'utf8'), written)
})

test('.env.example › the whole file › is what the table of settings says', () => {
  assert.equal(readFileSync('.env.example', 'utf8'), envExample())
})

test('.env.example › as it is › starts, and changes nothing', () => {
  assert.deepEqual({ ...parseEnv(envExample()) }, {})
  assert.equal(load(parseEnv(envExample())).ok, true)
})

const uncommented = parseEnv(envExample().replace(/^#(?=[A-Z_]+=)/gm, ''))

test('.env.example › a line without its # › gives the example of the table, quotes and all', () => {
  const examples = Object.entries(settings).map(([name, { example }]) => [name, example])
  assert.deepEqual({ ...uncommented }, Object.fromEntries(examples))
})

test('.env.example › all examples that go together › are valid in development', () => {
  const apart = ['NODE_ENV', 'CONFIG_FILE', 'OIDC_CLIENT_AUTH', 'OIDC_CLIENT_KEYS']
  const unbuilt = ['SPA_ORIGIN']
  assert.deepEqual(problems(without(uncommented, ...apart, ...unbuilt)), [])
})

/** The contract's section 2, less `OTEL_*`, which are no settings of ours. */
const contract =
  `NODE_ENV PORT HOST BASE_URL OIDC_ISSUER OIDC_CLIENT_ID OIDC_CLIENT_SECRET OIDC_DISCOVERY_URL
  OIDC_CLIENT_SECRET_NEXT OIDC_CLIENT_AUTH OIDC_CLIENT_KEYS OIDC_ALLOW_PUBLIC_CLIENT OIDC_SCOPE OIDC_RESOURCE OIDC_AUDIENCE
  OIDC_AUTH_PARAMS OIDC_PROFILE OIDC_ALLOW OIDC_ROLES_CLAIM SESSION_CLAIMS OIDC_RESPONSE_MODE OIDC_PAR OIDC_DPOP
  OIDC_FRONTCHANNEL OIDC_LOGOUT_TYP OIDC_LOGOUT_HINT OIDC_TIMEOUT_MS OIDC_REFRESH_LEEWAY_SECONDS REDIS_URL REDIS_PREFIX
  REDIS_CA REDIS_TLS_VERIFY SESSION_SECRET SESSION_KEYS SESSION_IDLE_SECONDS SESSION_ABSOLUTE_SECONDS SESSION_SAMESITE UPSTREAM
  CONFIG_FILE SPA_DIR SPA_ORIGIN CSP TRUST_PROXY REFRESH_AHEAD_SECONDS WEB_CONCURRENCY SHUTDOWN_SECONDS LOG_LEVEL LOG_FORMAT
  METRICS_TOKEN ADMIN_ROLE ADMIN_TENANT FORWARD_AUTH_SECRET`.split(/\s+/)

for (const name of contract)
  test(`settings › ${name} of the contract › is in the table and on the page`, () => {
    assert.ok(Object.hasOwn(settings, name))
    assert.match(configDocs(), new RegExp(`^\\| \`${name}\` `, 'm'))
  })

test('settings › a name that the contract does not have › is not in the table', () => {
  assert.deepEqual(
    Object.keys(settings).filter((name) => !contract.includes(name)),
    [],
  )
})

test('settings › the defaults of the contract › are the ones the page shows', () => {
  const shown = Object.fromEntries(
    Object.entries(settings).map(([name, row]) => [name, 'default' in row ? row.default : '']),
  )
  const { OIDC_SCOPE, SESSION_IDLE_SECONDS, SESSION_ABSOLUTE_SECONDS, SESSION_SAMESITE } = shown
  assert.equal(OIDC_SCOPE, 'openid profile email')
  assert.deepEqual(
    [SESSION_IDLE_SECONDS, SESSION_ABSOLUTE_SECONDS, SESSION_SAMESITE],
    ['1800', '43200', 'strict'],
  )
  const { OIDC_TIMEOUT_MS, REFRESH_AHEAD_SECONDS, SHUTDOWN_SECONDS } = shown
  assert.deepEqual([OIDC_TIMEOUT_MS, REFRESH_AHEAD_SECONDS, SHUTDOWN_SECONDS], ['8000', '30', '25'])
})

test('CONFIG_FILE › the keys of a route › are on the page, and no others', () => {
  const [text = ''] = configDocs().split('### tenants')
  assert.deepEqual(keysOfTables(text), keysUnder('routes').sort())
})

test('CONFIG_FILE › the keys of a tenant › are on the page, and no others', () => {
  const text = configDocs().split('### tenants')[1] ?? ''
  assert.deepEqual(keysOfTables(text), keysUnder('tenants').sort())
})

const keysOfTables = (text: string): readonly string[] => {
  const keys = [...text.matchAll(/^\| `([a-z_.]+)` \|/gm)].map((match) => match[1] ?? '')
  return [...new Set(keys)].sort()
}

type JsonSchema = {
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly items?: JsonSchema
}

/** Every key of one entry, by dots down to the last. */
const keysUnder = (list: 'routes' | 'tenants'): string[] => {
  // zod describes an object schema by this shape.
  const schema = z.toJSONSchema(fileSchema, { io: 'input' }) as JsonSchema
  return leaves(schema.properties?.[list]?.items, '')
}

const leaves = (schema: JsonSchema | undefined, place: string): string[] => {
  const entries = Object.entries(schema?.properties ?? {})
  if (entries.length === 0) return [place]
  return entries.flatMap(([key, item]) => leaves(item, place === '' ? key : `${place}.${key}`))
}
