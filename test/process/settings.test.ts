import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { runMain, startMain } from '../support/npm-start.ts'
import { listen } from '../support/world.ts'
import { withoutDevelopment } from './parts.ts'

const folder = (t: TestContext): string => {
  const dir = mkdtempSync(join(tmpdir(), 'latchkey-process-'))
  t.after(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** Name, wrong and example of each problem, as a person reads them. */
const problemsIn = (stderr: string) =>
  [...stderr.matchAll(/^ {2}([A-Z_]+) (.+)\n {4}for example: (.+)$/gm)].map(
    ([, name, wrong, example]) => ({ name, wrong, example }),
  )

const stack = /^\s+at |node:internal|\.ts:\d/m

test('main › several bad settings › exit 78, all of them with an example, no value, no stack', async (t) => {
  const canary = 'Canary-7f3a'
  const { code, stdout, stderr } = await runMain(t, {
    PORT: `port-${canary}`,
    BASE_URL: `http://user:${canary}@app.example`,
    OIDC_ISSUER: 'http://id.example',
    OIDC_CLIENT_AUTH: canary,
    REDIS_URL: `http://:${canary}@redis.example`,
    SESSION_SECRET: canary,
    SESSION_KEYS: `k1:${canary}`,
    UPSTREAM: `ftp://${canary}`,
    SHUTDOWN_SECONDS: '-1',
    TRUST_PROXY: 'true',
    LOG_FORMAT: canary,
  })
  assert.equal(code, 78)
  assert.equal(stdout, '')
  const problems = problemsIn(stderr)
  const named = new Set(problems.map(({ name }) => name))
  const wanted = ['PORT', 'BASE_URL', 'OIDC_ISSUER', 'REDIS_URL', 'SESSION_SECRET', 'SESSION_KEYS']
  for (const name of [...wanted, 'UPSTREAM', 'SHUTDOWN_SECONDS', 'TRUST_PROXY', 'LOG_FORMAT'])
    assert.ok(named.has(name), `${name} is not named in:\n${stderr}`)
  assert.ok(problems.every(({ wrong, example }) => wrong !== '' && example !== ''))
  assert.doesNotMatch(stderr, new RegExp(canary, 'i'))
  assert.doesNotMatch(stderr, stack)
})

test('main › several mistakes, in the environment and in a file › exit 78 with all of them, their places and no secret', async (t) => {
  const file = join(folder(t), 'latchkey.yaml')
  writeFileSync(
    file,
    `tenants:
  - { id: acme, hosts: [acme.localhost], issuer: "https://id.example", client: { id: bff, secret: [Canary-1] } }
  - { id: beta, hosts: [acme.localhost], issuer: "https://id.test", client: { id: bff, secret: "\${NOWHERE}" } }
routes:
  - { path: /api, upstream: "http://127.0.0.1:9", tenants: [ghost], public: true }
`,
  )
  const { code, stderr } = await runMain(t, { CONFIG_FILE: file, SESSION_SECRET: 'Canary-2' })
  assert.equal(code, 78)
  assert.deepEqual(
    problemsIn(stderr).map(({ name, wrong }) => `${name} ${wrong}`),
    [
      'SESSION_SECRET has a secret shorter than 32 characters',
      'CONFIG_FILE tenants[1].client.secret uses ${NOWHERE}, which is not set',
      'CONFIG_FILE tenants[0].client.secret is a list, and must be a text',
      'CONFIG_FILE routes[0].public takes token: none or token: optional',
      'CONFIG_FILE tenants[1].hosts[0] is there already',
      'CONFIG_FILE routes[0].tenants[0] is the id of no tenant',
    ],
  )
  assert.doesNotMatch(stderr, /Canary/)
  assert.doesNotMatch(stderr, stack)
})

for (const [what, wrong] of [
  ['is not there', /cannot be read \(ENOENT\)/],
  ['is a folder', /cannot be read \(EISDIR\)/],
] as const)
  test(`main › CONFIG_FILE ${what} › exit 78, and why it cannot be read`, async (t) => {
    const dir = folder(t)
    const file = what === 'is a folder' ? dir : join(dir, 'absent')
    const { code, stderr } = await runMain(t, { CONFIG_FILE: file })
    assert.equal(code, 78)
    assert.match(stderr, wrong)
    assert.doesNotMatch(stderr, stack)
  })

test('main › production with nothing set › exit 78 and every setting that it needs', async (t) => {
  const { code, stderr } = await runMain(t, { NODE_ENV: 'production' })
  assert.equal(code, 78)
  const names = problemsIn(stderr).map(({ name }) => name)
  assert.deepEqual(
    names.sort(),
    ['BASE_URL', 'OIDC_ISSUER', 'REDIS_URL', 'SESSION_KEYS', 'SESSION_SECRET', 'UPSTREAM'].sort(),
  )
  assert.doesNotMatch(stderr, stack)
})

test('main › WEB_CONCURRENCY=2 without Redis › exit 78: two processes would not know the same sessions', async (t) => {
  const { code, stderr } = await runMain(t, { PORT: '0', WEB_CONCURRENCY: '2' })
  assert.equal(code, 78)
  assert.deepEqual(
    problemsIn(stderr).map(({ name }) => name),
    ['WEB_CONCURRENCY'],
  )
})

test('main › port in use › exit 1, says which and what to do, no stack', async (t) => {
  const other = createServer()
  t.after(() => void other.close())
  const port = await listen(other)
  const { code, stdout, stderr } = await runMain(t, { PORT: String(port) })
  assert.equal(code, 1)
  assert.equal(stdout, '')
  assert.match(stderr, new RegExp(`port ${port}.*EADDRINUSE.*PORT`))
  assert.doesNotMatch(stderr, stack)
})

test('main › .env in development › is read, and the environment stands above it', async (t) => {
  const cwd = folder(t)
  writeFileSync(join(cwd, '.env'), 'PORT=not-a-port\nSESSION_SAMESITE=sideways\n')
  const { code, stderr } = await runMain(t, { PORT: '0' }, { cwd })
  assert.equal(code, 78)
  assert.deepEqual(
    problemsIn(stderr).map(({ name }) => name),
    ['SESSION_SAMESITE'],
  )
})

test('main › .env in production › is not read', async (t) => {
  const cwd = folder(t)
  writeFileSync(join(cwd, '.env'), 'SESSION_SAMESITE=sideways\nUPSTREAM=http://127.0.0.1:9\n')
  const { code, stderr } = await runMain(t, { NODE_ENV: 'production' }, { cwd })
  assert.equal(code, 78)
  assert.doesNotMatch(stderr, /SESSION_SAMESITE/)
  assert.match(stderr, /^ {2}UPSTREAM is not set/m)
})

test('main › NAME_FILE › gives the setting; a missing file and a doubled setting are problems', async (t) => {
  const cwd = folder(t)
  const file = join(cwd, 'secret')
  writeFileSync(file, 'too-short-Canary\n')
  const { code, stderr } = await runMain(t, {
    SESSION_SECRET_FILE: file,
    SESSION_KEYS_FILE: join(cwd, 'absent'),
    UPSTREAM: 'http://127.0.0.1:9',
    UPSTREAM_FILE: file,
  })
  assert.equal(code, 78)
  const wrongs = new Map(problemsIn(stderr).map(({ name, wrong }) => [name, wrong]))
  assert.match(wrongs.get('SESSION_SECRET') ?? '', /shorter than 32/)
  assert.match(wrongs.get('SESSION_KEYS') ?? '', /SESSION_KEYS_FILE/)
  assert.match(wrongs.get('UPSTREAM') ?? '', /UPSTREAM_FILE/)
  assert.doesNotMatch(stderr, /Canary/)
})

test('main › nothing set › the address, then one line for each user, then the warning', async (t) => {
  const main = await startMain(t, { PORT: '0', LOG_LEVEL: 'silent' })
  assert.match(main.origin, /^http:\/\/localhost:\d+$/)
  assert.deepEqual(main.lines.slice(1, 4), [
    'alice / wonderland',
    'bob / builder',
    'root / mountain',
  ])
  assert.match(main.lines[4] ?? '', /development only/)
  assert.equal((await fetch(`${main.origin}/livez`)).status, 200)
  assert.equal(await main.stop(), 0)
  assert.equal(main.complaints(), '')
})

test('main › no issuer and no development packages › exit 78 and says what to set', async (t) => {
  const { code, stderr } = await runMain(t, { PORT: '0' }, { nodeArgs: withoutDevelopment })
  assert.equal(code, 78, stderr)
  assert.match(stderr, /OIDC_ISSUER/)
  assert.doesNotMatch(stderr, stack)
})
