import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Config } from '../../server/config/config.ts'
import { loaded, problems, provider, wrongNames } from './loading.ts'

type Case = readonly [name: string, text: string, read: (config: Config) => unknown, value: unknown]

const tenant = ({ tenant }: Config) => tenant
const accepted: readonly Case[] = [
  ['NODE_ENV', 'test', (c) => c.production, false],
  ['PORT', '8080', (c) => c.port, 8080],
  ['PORT', '0', (c) => c.port, 0],
  ['HOST', '0.0.0.0', (c) => c.host, '0.0.0.0'],
  ['BASE_URL', 'https://app.test', (c) => c.origin, 'https://app.test'],
  ['BASE_URL', 'https://App.Test:443/', (c) => c.origin, 'https://app.test'],
  ['BASE_URL', 'http://127.0.0.1:3000', (c) => c.secure, false],
  ['BASE_URL', 'http://app.localhost', (c) => c.origin, 'http://app.localhost'],
  ['OIDC_ISSUER', 'https://id.test/', (c) => tenant(c)?.issuer, 'https://id.test/'],
  ['OIDC_ISSUER', 'HTTPS://ID.test', (c) => tenant(c)?.issuer, 'HTTPS://ID.test'],
  ['OIDC_ISSUER', 'http://localhost:9000', (c) => tenant(c)?.issuer, 'http://localhost:9000'],
  ['OIDC_DISCOVERY_URL', 'http://id:8080/x', (c) => tenant(c)?.discoveryUrl, 'http://id:8080/x'],
  ['OIDC_SCOPE', 'openid  orders', (c) => tenant(c)?.scope, 'openid orders'],
  ['OIDC_RESOURCE', 'urn:example:orders', (c) => tenant(c)?.resource, 'urn:example:orders'],
  ['OIDC_AUDIENCE', 'orders', (c) => tenant(c)?.audience, 'orders'],
  ['OIDC_AUTH_PARAMS', 'hd=a.test&x=%26', (c) => tenant(c)?.authParams, { hd: 'a.test', x: '&' }],
  ['OIDC_PROFILE', 'keycloak', (c) => tenant(c)?.rolesClaim, 'realm_access.roles'],
  ['OIDC_PROFILE', 'cognito', (c) => tenant(c)?.rolesClaim, 'cognito:groups'],
  [
    'OIDC_ROLES_CLAIM',
    'https://a.test/roles',
    (c) => tenant(c)?.rolesClaim,
    'https://a.test/roles',
  ],
  ['OIDC_RESPONSE_MODE', 'form_post', (c) => tenant(c)?.responseMode, 'form_post'],
  ['OIDC_PAR', 'off', (c) => c.production, false],
  ['OIDC_LOGOUT_HINT', 'off', (c) => tenant(c)?.logoutHint, 'off'],
  ['OIDC_TIMEOUT_MS', '100', (c) => tenant(c)?.timeoutMs, 100],
  ['SESSION_IDLE_SECONDS', '1', (c) => c.session.idleSeconds, 1],
  ['SESSION_ABSOLUTE_SECONDS', '34560000', (c) => c.session.absoluteSeconds, 34_560_000],
  ['SESSION_SAMESITE', 'lax', (c) => c.session.sameSite, 'lax'],
  ['SESSION_CLAIMS', 'locale, zoneinfo', (c) => c.session.claims, ['locale', 'zoneinfo']],
  ['REFRESH_AHEAD_SECONDS', '0', (c) => c.refreshAheadSeconds, 0],
  ['SHUTDOWN_SECONDS', '4', (c) => c.shutdownSeconds, 4],
  ['WEB_CONCURRENCY', '1', (c) => c.workers, 1],
  [
    'FORWARD_AUTH_SECRET',
    `${'s'.repeat(31)}!`,
    (c) => c.forwardAuthSecret?.reveal(),
    `${'s'.repeat(31)}!`,
  ],
  ['SPA_DIR', 'dist', (c) => c.spa, { dir: 'dist' }],
  ['CSP', "default-src 'self'", (c) => c.csp, "default-src 'self'"],
  ['TRUST_PROXY', '2', (c) => c.trustProxy, 2],
  ['TRUST_PROXY', '10.0.0.0/8', (c) => c.trustProxy, ['10.0.0.0/8']],
  ['TRUST_PROXY', '127.0.0.1, ::1/128', (c) => c.trustProxy, ['127.0.0.1', '::1/128']],
  ['LOG_LEVEL', 'silent', (c) => c.log.level, 'silent'],
  ['LOG_FORMAT', 'logfmt', (c) => c.log.format, 'logfmt'],
]

for (const [name, text, read, value] of accepted)
  test(`loadConfig › ${name}=${text} › is taken`, () => {
    assert.deepEqual(read(loaded({ ...provider, [name]: text })), value)
  })

const refused: Readonly<Record<string, readonly string[]>> = {
  NODE_ENV: ['prod', 'Production', 'staging'],
  PORT: ['65536', '-1', '3e3', '0x50', '80.5', '3 000', 'http', '９０'],
  BASE_URL: [
    'app.test',
    'https://app.test/app',
    'https://app.test?',
    'https://app.test#x',
    'https://user:word@app.test',
    'ftp://app.test',
    'http://app.test',
    'http://localhost.evil.test',
    'https://app.test\n.evil.test',
  ],
  OIDC_ISSUER: [
    'https://id.test/.well-known/openid-configuration',
    'id.test',
    'http://id.test',
    'https://id.test?x',
    'https://id.test#',
    'https://u:p@id.test',
    'https://id.test/a\tb',
  ],
  OIDC_DISCOVERY_URL: ['/metadata', 'file:///etc/passwd', 'https://u:p@id.test/x'],
  OIDC_CLIENT_AUTH: ['basic', 'client_secret_jwt', 'NONE'],
  OIDC_SCOPE: ['profile email', 'openidx', 'openid,profile'],
  OIDC_RESOURCE: ['orders', 'https://api.test#x'],
  OIDC_AUTH_PARAMS: ['state=x', 'a=b&nonce=x', 'redirect_uri=https://evil.test', 'code_challenge_method=plain', 'request=x'], // prettier-ignore
  OIDC_PROFILE: ['Keycloak', 'azure'],
  OIDC_RESPONSE_MODE: ['fragment'],
  OIDC_PAR: ['on', 'true'],
  OIDC_DPOP: ['on', 'auto'],
  OIDC_FRONTCHANNEL: ['1', 'true'],
  OIDC_ALLOW: ['a.test', 'group:a,', 'email:a@b.test'],
  OIDC_ALLOW_PUBLIC_CLIENT: [],
  OIDC_LOGOUT_TYP: ['loose'],
  OIDC_LOGOUT_HINT: ['on'],
  OIDC_TIMEOUT_MS: ['99', '60001', '8s'],
  OIDC_REFRESH_LEEWAY_SECONDS: ['-1', 'ten'],
  SESSION_IDLE_SECONDS: ['0', '-5', '30m', '999999999999999999'],
  SESSION_ABSOLUTE_SECONDS: ['0', '34560001', 'forever'],
  SESSION_SAMESITE: ['none', 'Strict'],
  SESSION_CLAIMS: ['locale,,zoneinfo', ','],
  REFRESH_AHEAD_SECONDS: ['-1', '86401'],
  REDIS_PREFIX: ['{app}:', 'a}'],
  REDIS_TLS_VERIFY: ['no', '0'],
  REDIS_CA: ['/etc/ca.pem'],
  UPSTREAM: ['api:8080', 'http://api.test/v1', 'http://u:p@api.test', 'unix:/api.sock'],
  SPA_ORIGIN: ['http://localhost:5173'],
  CSP: ["default-src 'self'\r\nSet-Cookie: a=b", 'default-src „self“'],
  TRUST_PROXY: ['true', 'all', '*', '-1', '100', '10.0.0.0/33', '10.0.0/8', '10.0.0.0/8/8', 'localhost', '10.0.0.1,', '0.0.0.0/0', '10.0.0.1,::/0'], // prettier-ignore
  SHUTDOWN_SECONDS: ['3601', '25s'],
  WEB_CONCURRENCY: ['0', 'auto', '2'],
  FORWARD_AUTH_SECRET: ['s'.repeat(31), `${'s'.repeat(32)} s`, 'ß'.repeat(32)],
  LOG_LEVEL: ['verbose', 'INFO'],
  LOG_FORMAT: ['text'],
}

for (const [name, texts] of Object.entries(refused))
  for (const text of texts)
    test(`loadConfig › ${name}=${JSON.stringify(text)} › is refused by name`, () => {
      const found = problems({ ...provider, [name]: text })
      assert.equal(found.length, 1, found.join('\n'))
      assert.ok(found[0]?.startsWith(`${name} `), found[0])
    })

test('loadConfig › a wrong setting in each place › all problems are listed at once', () => {
  const wrong = Object.fromEntries(
    Object.entries(refused).flatMap(([name, [text]]) => (text === undefined ? [] : [[name, text]])),
  )
  assert.deepEqual(wrongNames({ ...provider, ...wrong }).toSorted(), Object.keys(wrong).sort())
})

test('loadConfig › OIDC_ISSUER is malformed › what else is wrong with OIDC_* shows as well, and nothing false', () => {
  const found = problems({ ...provider, OIDC_ISSUER: 'id.test', OIDC_SCOPE: 'email' })
  assert.deepEqual(found, [
    'OIDC_ISSUER is not an absolute URL',
    'OIDC_SCOPE lacks the scope openid',
  ])
})

for (const blank of ['', ' ', '\t\n'])
  test(`loadConfig › every setting is ${JSON.stringify(blank)} › as if unset`, () => {
    const names = Object.keys({ ...refused, ...provider, REDIS_URL: '', SESSION_KEYS: '' })
    const env = Object.fromEntries(
      names.flatMap((name) => [
        [name, blank],
        [`${name}_FILE`, blank],
      ]),
    )
    assert.deepEqual(withoutChance(loaded(env)), withoutChance(loaded({})))
  })

/** Less the secrets that development makes up at each start. */
const withoutChance = (config: Config) => ({
  ...config,
  session: { ...config.session, secrets: [], keys: [] },
})

test('loadConfig › blanks around values › do not count', () => {
  const config = loaded({ ...provider, OIDC_ISSUER: ' https://id.test\n', PORT: ' 80 ' })
  assert.deepEqual([config.tenant?.issuer, config.port], ['https://id.test', 80])
})
