import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import process from 'node:process'
import { test } from 'node:test'
import { runRoutes } from '../../scripts/routes/run.ts'
import { loaded, provider } from '../config/loading.ts'

const routes = `
routes:
  - path: /api
    upstream: http://api.test
  - path: /api/orders
    upstream: [http://a.test, http://b.test]
    methods: [GET, POST]
    token: exchange
    audience: orders
    require:
      roles: { any: [orders-read], write: [orders-write] }
      scopes: [orders]
      acr: [mfa]
      max_age: 900
  - path: /open
    upstream: http://c.test
    token: none
    public: true
`
const config = loaded({ ...provider, CONFIG_FILE: 'r.yaml' }, { 'r.yaml': routes })
const people = `{"ada": {"roles": ["orders-read"], "scopes": ["orders"], "acr": "mfa", "age": 60}}`

const run = (args: string, files: Readonly<Record<string, string>> = { 'people.json': people }) =>
  runRoutes(config, args === '' ? [] : args.split(' '), {
    nowMs: 1_800_000_000_000,
    readFile: (path) => {
      const text = files[path]
      if (text === undefined) throw new Error('no such file')
      return text
    },
  })

test('npm run routes › no arguments › every route with what it takes, the longest path first', () => {
  const { output, code } = run('')
  const lines = output.trimEnd().split('\n').slice(2)
  assert.equal(code, 0)
  assert.deepEqual(lines.map((line) => line.split(' ', 1)[0]), ['path', '/api/orders', '/api', '/open']) // prettier-ignore
  for (const part of [
    'GET POST',
    'exchange (audience=orders)',
    'roles.any: orders-read',
    'roles.write: orders-write',
    'scopes: orders',
    'acr: mfa',
    'max_age: 900',
    'http://a.test http://b.test',
  ])
    // prettier-ignore
    assert.ok(lines[1]?.includes(part), part)
  assert.match(lines[3] ?? '', /none .*anybody/)
})

/** Each as: arguments, exit code, what the last line and the last step say. */
const decisions: readonly (readonly [args: string, code: number, end: RegExp, step: RegExp])[] = [
  ['--as ada --people people.json GET /api/orders/1', 0, /^allowed: goes to http:\/\/a\.test or http:\/\/b\.test$/, /token .*exchange/],
  ['--as ada --people people.json POST /api/orders', 1, /403 forbidden_role/, /NO +roles .*has orders-read; asks for one of orders-read; to write, one of orders-write \(none_of_write\)/],
  ['--as ada --people people.json --scopes other GET /api/orders', 1, /403 insufficient_scope/, /NO +scopes .*scope_missing/],
  ['--as ada --people people.json --acr pwd GET /api/orders', 1, /401 step_up_required/, /NO +acr .*pwd.*acr_other/],
  ['--as ada --people people.json --age 1000 GET /api/orders', 1, /401 step_up_required/, /NO +max_age .*1000 s old.*login_too_old/],
  ['--as ada --people people.json --tenant acme GET /api/orders', 1, /403 forbidden_tenant/, /NO +tenant .*acme.*default/],
  ['--as x --roles orders-read GET /api/orders', 1, /403 insufficient_scope/, /NO +scopes .*say it by --scopes.*scopes_unknown/],
  ['--as x --roles other DELETE /api/orders', 1, /405 method_not_allowed/, /NO +method .*takes GET, POST/],
  ['--as x --roles other --no-csrf POST /api/other', 1, /403 csrf_missing/, /NO +csrf/],
  ['--as x --roles other --origin https://evil.test GET /api', 1, /403 cross_site/, /NO +site/],
  ['--as x --roles other GET /elsewhere', 1, /404 no_route/, /NO +route/],
  ['--as x --roles other GET /api%2forders', 1, /400 invalid_path/, /NO +path/],
  ['--as x --roles other --websocket GET /api', 1, /404 no_route/, /NO +route .*WebSockets/],
  ['GET /api', 1, /401 login_required/, /NO +session/],
  ['GET /open', 0, /^allowed/, /token +none goes along/],
  ['GET /session', 0, /^no route's: the broker itself/, /route/],
  ['--websocket GET /session', 1, /404 no_route/, /NO +route/],
  ['--as alice GET /api/x', 0, /^allowed/, /token +the user's/],
  ['--as alice --no-csrf POST /api/orders', 1, /403 csrf_missing/, /NO +csrf/],
  ['--as x --roles other GET /api/x?access_token=y', 1, /400 invalid_request/, /NO +query +The query has an access_token/],
  ['GET /open?access_token=y', 0, /^allowed/, /token +none goes along/],
  ['TRACE /api', 1, /405 method_not_allowed/, /NO +path +\S/],
  ['GET https://elsewhere.test/api', 1, /421 unknown_host/, /NO +path +\S/],
  ['POST /session', 1, /405 method_not_allowed/, /NO +route/],
] // prettier-ignore
for (const [args, code, end, step] of decisions)
  test(`npm run routes › ${args} › ${code === 0 ? 'allowed' : 'refused'} at the step that decides`, () => {
    const ran = run(args)
    const lines = ran.output.trimEnd().split('\n')
    assert.equal(ran.code, code, ran.complaint)
    assert.match(lines.at(-1) ?? '', end)
    assert.match(lines.at(-2) ?? '', step)
    assert.equal(lines.filter((line) => line.startsWith('  NO')).length, code)
  })

/** The same with a tenant besides the default one, and a route that is its users' alone. */
const shared = loaded(
  { ...provider, CONFIG_FILE: 'r.yaml' },
  {
    'r.yaml': `tenants: [{ id: acme, path_prefix: /t/acme, issuer: https://acme.test, client: { id: a, secret: b } }]
routes: [{ path: /api, upstream: http://api.test, tenants: [acme] }]`,
  },
)
for (const [args, code, step] of [
  ['--as ada --roles x GET /api/x', 1, /NO +tenant +This is not for default/],
  ['--as ada --roles x --at acme GET /api/x', 0, /ok +tenant +is of acme, the call is for acme/],
  ['--as ada --roles x --tenant default --at acme GET /api/x', 1, /NO +tenant .*of default.*for acme/],
  ['--as ada --roles x --at nobody GET /api/x', 64, /There is no tenant nobody/],
  ['--as ada --roles x GET /t/acme/api/x', 0, /ok +tenant +is of acme, the call is for acme/],
  ['--as ada --roles x --at default GET /t/acme/api/x?y', 0, /ok +tenant +is of acme/],
  ['--as ada --roles x --at acme GET /t/acme/api/x', 1, /NO +route/],
  ['--as ada --roles x GET /t/acmes/api/x', 1, /NO +route/],
  ['--as ada --roles x GET /t/acme//api/x', 1, /NO +path/],
  ['--as ada --roles x GET /t/acme?x', 1, /NO +route/],
] as const)
  test(`npm run routes › of two tenants, ${args} › ${code}`, () => {
    const ran = runRoutes(shared, args.split(' '), { nowMs: 0, readFile: () => '' })
    assert.equal(ran.code, code)
    assert.match(ran.output + ran.complaint, step)
  }) // prettier-ignore

for (const args of ['--as alice GET /api/orders/1', '--as alice --scopes orders --acr mfa --age 5 GET /api/orders/1'])
  test(`npm run routes › ${args}, of whose roles nothing is known › 64, with the way to the rule that asks for them`, () => {
    const { output, complaint, code } = run(args)
    const lines = output.trimEnd().split('\n')
    assert.equal(code, 64)
    assert.match(lines.at(-1) ?? '', /^not decided/)
    assert.match(lines.at(-2) ?? '', /^ {2}\?\? +roles .*asks for one of orders-read$/)
    assert.equal(lines.filter((line) => line.startsWith('  NO')).length, 0)
    assert.match(complaint, /^Nobody knows what alice may.*--roles.*--people/)
  }) // prettier-ignore

for (const [args, complaint] of [
  ['--people people.json GET /api', /--people needs --as/],
  ['--as= GET /api', /--as takes a name/],
  ['--as bo --people people.json GET /api', /bo is not in people\.json/],
  ['--as __proto__ --people people.json GET /api', /is not in people\.json/],
  ['--as bo --people no.json GET /api', /no\.json cannot be read/],
  ['--as bo --people odd.json GET /api', /odd\.json: .*[Uu]nrecognized key/s],
  ['--as ada --roles x GET', /one method and one path/],
  ['--as ada --roles x get /api', /get is no method/],
  ['--as ada --age soon GET /api', /--age takes whole seconds/],
  ['--rolls x GET /api', /--rolls/],
] as const)
  test(`npm run routes › ${args} › 64, and a word on what is missing`, () => {
    const ran = run(args, { 'people.json': people, 'odd.json': '{"bo": {"role": []}}' })
    assert.equal(ran.code, 64)
    assert.equal(ran.output, '')
    assert.match(ran.complaint, complaint)
  })

test("npm run routes › no provider set › the demo's alice and root have their roles, a stranger has none", () => {
  const demo = loaded({})
  const powers = { nowMs: 0, readFile: () => '' }
  assert.equal(runRoutes(demo, ['--as', 'alice', 'GET', '/api/orders/1'], powers).code, 0)
  assert.equal(runRoutes(demo, ['--as', 'nobody', 'GET', '/api/orders/1'], powers).code, 64)
})

for (const [env, args, code] of [
  [{}, ['--as', 'alice', 'GET', '/api/orders/1'], 0],
  [{}, ['GET', '/api/orders/1'], 1],
  [{ UPSTREAM: 'no address' }, [], 78],
] as const)
  test(`npm run routes › as a process with ${JSON.stringify(env)} ${args.join(' ')} › exit code ${code}`, { timeout: 30_000 }, () => {
    const ran = spawnSync(process.execPath, ['scripts/routes.ts', ...args], {
      env: { PATH: process.env['PATH'], NODE_ENV: 'test', ...env },
      encoding: 'utf8',
    })
    assert.equal(ran.status, code, ran.stderr)
    assert.equal(ran.stderr.includes('UPSTREAM'), code === 78)
  }) // prettier-ignore
