import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settings } from '../../server/config/env.ts'
import { formatProblems, loadConfig, withDotEnv } from '../../server/config/load.ts'
import { systemRandom } from '../../server/core/random.ts'
import { load, loaded, problems, production, provider, sealingKeyText, warnings, without, wrongNames } from './loading.ts' // prettier-ignore

test('loadConfig › OIDC_CLIENT_SECRET_NEXT › stands beside the first secret', () => {
  const auth = loaded({ ...provider, OIDC_CLIENT_SECRET_NEXT: 'the-next-one' }).tenant?.clientAuth
  assert.ok(auth !== undefined && 'nextSecret' in auth)
  assert.equal(auth.nextSecret?.reveal(), 'the-next-one')
})

test('loadConfig › production with all it needs › starts', () => {
  const config = loaded(production)
  assert.deepEqual(
    [config.production, config.secure, config.host, config.routes[0]?.path],
    [true, true, undefined, '/api'],
  )
})

for (const name of Object.keys(production).filter((name) => name !== 'NODE_ENV'))
  test(`loadConfig › production without ${name} › refuses the development default`, () => {
    assert.deepEqual(wrongNames(without(production, name)), [name])
  })

test('loadConfig › production with nothing else › lists every development default at once', () => {
  assert.deepEqual(wrongNames({ NODE_ENV: 'production' }), [
    'BASE_URL',
    'OIDC_ISSUER',
    'REDIS_URL',
    'SESSION_SECRET',
    'SESSION_KEYS',
    'UPSTREAM',
  ])
})

const insecure = [
  ['BASE_URL', 'http://app.test'],
  ['BASE_URL', 'http://localhost:3000'],
  ['OIDC_ISSUER', 'http://localhost:9000'],
  ['OIDC_ISSUER', 'http://id.test'],
] as const
for (const [name, text] of insecure)
  test(`loadConfig › production with ${name}=${text} › refuses plain http`, () => {
    assert.deepEqual(wrongNames({ ...production, [name]: text }), [name])
  })

const copied = [
  'SESSION_SECRET',
  'SESSION_KEYS',
  'OIDC_CLIENT_SECRET',
  'OIDC_CLIENT_SECRET_NEXT',
  'METRICS_TOKEN',
  'FORWARD_AUTH_SECRET',
] as const
for (const name of copied)
  test(`loadConfig › production with ${name} of the documentation › is refused`, () => {
    const env = { ...production, [name]: settings[name].example }
    assert.deepEqual(problems(env), [`${name} is a text of the documentation`])
  })

for (const text of [
  'changeme-changeme-changeme-changeme',
  'CHANGE_ME_'.repeat(4),
  'your-secret-here'.repeat(3),
])
  // prettier-ignore
  test(`loadConfig › production with SESSION_SECRET=${text} › is refused`, () => {
    const env = { ...production, SESSION_SECRET: text.replace('_', '-') }
    assert.deepEqual(wrongNames(env), ['SESSION_SECRET'])
  })

test('loadConfig › the sealing key of the documentation behind a new one › is refused as well', () => {
  const example = settings.SESSION_KEYS.example.replace('k1', 'k0')
  const env = { ...production, SESSION_KEYS: `${sealingKeyText()},${example}` }
  assert.deepEqual(wrongNames(env), ['SESSION_KEYS'])
})

test('loadConfig › development with nothing set › starts on defaults', () => {
  const { tenant, redis, routes, origin, session, spa } = loaded({})
  assert.deepEqual({ tenant, redis, routes, origin, spa }, { tenant: undefined, redis: undefined, routes: [], origin: 'http://localhost:3000', spa: { dir: 'public' } }) // prettier-ignore
  assert.deepEqual([session.idleSeconds, session.absoluteSeconds], [1_800, 43_200])
})

const contradictions: readonly (readonly [Readonly<Record<string, string>>, readonly string[]])[] =
  [
    [
      { SESSION_IDLE_SECONDS: '100', SESSION_ABSOLUTE_SECONDS: '99' },
      ['SESSION_IDLE_SECONDS is longer than SESSION_ABSOLUTE_SECONDS'],
    ],
    [
      { UPSTREAM: 'http://api.test', CONFIG_FILE: 'routes.yaml' },
      ['UPSTREAM is set, and CONFIG_FILE as well: keep one'],
    ],
    [
      { OIDC_CLIENT_SECRET_FILE: 'secret' },
      ['OIDC_CLIENT_SECRET is set, and OIDC_CLIENT_SECRET_FILE as well: keep one'],
    ],
    [{ OIDC_CLIENT_ID: '' }, ['OIDC_CLIENT_ID is not set, and OIDC_ISSUER is']],
    [{ OIDC_CLIENT_SECRET: '' }, ['OIDC_CLIENT_SECRET is not set, and OIDC_ISSUER is']],
    [{ OIDC_CLIENT_AUTH: 'private_key_jwt' }, ['OIDC_CLIENT_KEYS is not set, and OIDC_ISSUER is']],
    [
      { OIDC_ISSUER: '' },
      ['OIDC_ISSUER is not set, and OIDC_CLIENT_ID is', 'OIDC_ISSUER is not set, and OIDC_CLIENT_SECRET is'], // prettier-ignore
    ],
    [
      { WEB_CONCURRENCY: '2' },
      ['WEB_CONCURRENCY is more than 1, and workers share sessions only with REDIS_URL'],
    ],
    [{ PORT_FILE: 'nowhere' }, ['PORT cannot be read from the file in PORT_FILE']],
    [{ CONFIG_FILE: 'nowhere' }, ['CONFIG_FILE names a file that cannot be read']],
  ]
const files = {
  secret: 'sesame\n',
  'routes.yaml': 'routes: [{path: /a, upstream: "http://a.test"}]',
}
for (const [over, found] of contradictions)
  test(`loadConfig › ${JSON.stringify(over)} › is refused`, () => {
    assert.deepEqual(problems({ ...provider, ...over }, files), found)
  })

test('loadConfig › BBA-6.1.3.1-a OIDC_CLIENT_AUTH=none › does not start unless a public client is allowed in so many words', () => {
  const open = { ...without(provider, 'OIDC_CLIENT_SECRET'), OIDC_CLIENT_AUTH: 'none' }
  for (const allow of ['', 'false'])
    assert.deepEqual(wrongNames({ ...open, OIDC_ALLOW_PUBLIC_CLIENT: allow }), ['OIDC_CLIENT_AUTH'])
  assert.ok(!load({ ...open, OIDC_ALLOW_PUBLIC_CLIENT: 'yes' }).ok)
  const allowed = loaded({ ...open, OIDC_ALLOW_PUBLIC_CLIENT: 'true' })
  assert.deepEqual(allowed.tenant?.clientAuth, { method: 'none' })
})

test('loadConfig › NAME_FILE › gives the text of the file less its line end', () => {
  const env = { ...without(provider, 'OIDC_CLIENT_SECRET'), OIDC_CLIENT_SECRET_FILE: 'secret' }
  const auth = loaded(env, files).tenant?.clientAuth
  assert.ok(auth?.method === 'client_secret_basic')
  assert.equal(auth.secret.reveal(), 'sesame')
})

const redisForms = [
  ['redis://redis.test', 1, undefined],
  ['redis://user:p%40ss@redis.test:6380/2', 1, undefined],
  ['rediss://:password@redis.test:6379/', 1, undefined],
  ['redis://[::1]:6379', 1, undefined],
  ['redis://a.test:1, redis://b.test:2,redis://c.test:3', 3, undefined],
  ['redis+sentinel://a.test:26379,b.test:26379/mymaster', 2, 'mymaster'],
  ['redis+sentinel://:word@a.test:26379/my.master-1', 1, 'my.master-1'],
] as const
for (const [text, count, name] of redisForms)
  test(`REDIS_URL › ${text} › is taken`, () => {
    const redis = loaded({ REDIS_URL: text }).redis
    assert.deepEqual([redis?.nodes.reveal().length, redis?.sentinel?.name], [count, name])
    assert.deepEqual([redis?.prefix, redis?.tlsVerify, redis?.ca], ['latchkey:', true, undefined])
  })

const badRedis = ['redis.test:6379', 'http://redis.test', 'redis://', 'redis://a.test/db', 'redis://a.test,', 'redis://a.test,http://b.test', 'redis://a.test,rediss://b.test', 'redis://:100%@a.test', 'redis+sentinel://a.test:26379', 'redis+sentinel://a.test:26379/', 'redis+sentinel:///mymaster', 'unix:/redis.sock'] // prettier-ignore
for (const text of badRedis)
  test(`REDIS_URL › ${text} › is refused`, () => {
    assert.deepEqual(wrongNames({ REDIS_URL: text }), ['REDIS_URL'])
  })

const warned: readonly (readonly [Readonly<Record<string, string>>, RegExp])[] = [
  [{ OIDC_CLIENT_SECERT: 'x' }, /^OIDC_CLIENT_SECERT is not a setting/],
  [{ SESSION_TTL: '5' }, /^SESSION_TTL is not a setting/],
  [{ REDIS_URI_FILE: 'x' }, /^REDIS_URI_FILE is not a setting/],
  [{ ...production, REDIS_URL: 'rediss://a.test', REDIS_TLS_VERIFY: 'false' }, /^REDIS_TLS_VERIFY=false/], // prettier-ignore
  [{ METRICS_TOKEN: 'x' }, /^METRICS_TOKEN has no effect/],
  [{ ADMIN_ROLE_FILE: 'secret' }, /^ADMIN_ROLE has no effect/],
]
for (const [env, expected] of warned)
  test(`loadConfig › ${JSON.stringify(env)} › starts with a warning`, () => {
    const found = warnings(env, files)
    assert.equal(found.length, 1)
    assert.match(found[0] ?? '', expected)
  })

test('WEB_CONCURRENCY › more than 1 with Redis › is taken', () => {
  assert.equal(loaded({ ...production, WEB_CONCURRENCY: '4' }).workers, 4)
})

test('loadConfig › what others put into the environment › is not warned about', () => {
  const env = { SESSION_MANAGER: 'local/x', WEB_CONCURRENCY: '1', SESSION_KEYS_FILE: 'keys', PATH: '/bin' } // prettier-ignore
  assert.deepEqual(warnings(env, { keys: sealingKeyText() }), [])
})

test('formatProblems › two problems › name, fault and example of each, and where all are described', () => {
  const result = load({ PORT: 'x', LOG_LEVEL: 'loud' })
  assert.ok(!result.ok)
  const text = formatProblems(result.problems)
  assert.match(text, /2 of its settings are wrong/)
  assert.match(text, / {2}PORT is not a whole number from 0 to 65535\n {4}for example: 8080\n/)
  assert.match(text, / {2}LOG_LEVEL is none of fatal, .*\n {4}for example: warn\n/)
  assert.match(text, /docs\/configuration\.md\n$/)
})

test('withDotEnv › a name in both › the environment stands above .env', () => {
  const env = withDotEnv({ PORT: '1', HOST: 'a' }, 'PORT=2\nLOG_LEVEL="warn" # why\n')
  assert.deepEqual(env, { PORT: '1', HOST: 'a', LOG_LEVEL: 'warn' })
})

for (const host of ['not a host!!', '-a', 'a_b', '1.2.3.4/8', 'a'.repeat(300)])
  test(`HOST › ${host.slice(0, 20)} › is no place to listen on`, () => {
    assert.deepEqual(wrongNames({ HOST: host }), ['HOST'])
  })

test('SPA_DIR › not a folder › named', () => {
  const readFile = (path: string): string => {
    throw new Error(path)
  }
  const loadedWith = (isDirectory: boolean) =>
    loadConfig({ env: { SPA_DIR: 'dist' }, readFile, random: systemRandom, isDirectory: () => isDirectory }) // prettier-ignore
  assert.equal(loadedWith(true).ok, true)
  const refused = loadedWith(false)
  assert.ok(!refused.ok)
  assert.deepEqual(refused.problems.map(({ name }) => name), ['SPA_DIR']) // prettier-ignore
})

test('REDIS_URL › without keys of its own › warned: nobody could open the sessions later', () => {
  assert.match(
    warnings({ REDIS_URL: 'redis://redis.test:6379' }).join(' '),
    /end with this process/,
  )
})
