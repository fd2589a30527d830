import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatProblems } from '../../server/config/load.ts'
import { load, problems, production } from './loading.ts'

type Table = Record<string, unknown>

/** A deployment in good order: three tenants, four routes. */
const good = () => ({
  env: { ...production, UPSTREAM: '', CONFIG_FILE: 'f.json', ACME_SECRET: 'sesame-of-acme' } as Record<string, string>, // prettier-ignore
  tenants: ['acme', 'beta', 'gamma'].map((id): Table => ({
    id,
    hosts: [`${id}.test`, `www.${id}.test`],
    issuer: `https://${id}.id.test`,
    client: { id: 'bff', secret: '${ACME_SECRET}' },
  })),
  routes: ['a', 'b', 'c', 'd'].map((name): Table => ({
    path: `/api/${name}`,
    upstream: [`http://${name}.test:8080`],
    tenants: ['acme', 'beta'],
  })),
})

type Deployment = ReturnType<typeof good>

const wrongsOf = ({ env, tenants, routes }: Deployment): readonly string[] =>
  problems(env, { 'f.json': JSON.stringify({ tenants, routes }) })

/** The n-th table of a list. */
const nth = (list: readonly Table[], i: number): Table => list[i] ?? assert.fail()
const client = (tenant: Table) => tenant['client'] as Table

type Mistake = readonly [told: string, make: (deployment: Deployment) => void]

/** Of every kind, so that one does not stand in another's way. */
const mistakes: readonly Mistake[] = [
  ['PORT is not a whole number from 0 to 65535', ({ env }) => (env['PORT'] = 'x')],
  ['SESSION_KEYS is not kid:base64, with a kid of letters, digits, _ and -', ({ env }) => (env['SESSION_KEYS'] = 'x')],
  ['OIDC_SCOPE lacks the scope openid', ({ env }) => (env['OIDC_SCOPE'] = 'email')],
  ['UPSTREAM is set, and CONFIG_FILE as well: keep one', ({ env }) => (env['UPSTREAM'] = 'http://a.test')],
  ['CONFIG_FILE tenants[0] has unknown keys: colour', ({ tenants }) => (nth(tenants, 0)['colour'] = 'red')],
  ['CONFIG_FILE tenants[0].hosts[1] has a wildcard: name each host', ({ tenants }) => (nth(tenants, 0)['hosts'] = ['acme.test', '*.acme.test'])],
  ['CONFIG_FILE tenants[0].profile is none of generic, keycloak, entra, auth0, okta, cognito, google', ({ tenants }) => (nth(tenants, 0)['profile'] = 'keycloack')],
  ['CONFIG_FILE tenants[0].allow has the rule "nobody", which begins with none of domain:, group:, role:, tid:', ({ tenants }) => (nth(tenants, 0)['allow'] = 'nobody')],
  ['CONFIG_FILE tenants[0].tenant_claim_values is there without tenant_claim', ({ tenants }) => (nth(tenants, 0)['tenant_claim_values'] = ['x'])],
  ['CONFIG_FILE tenants[1].issuer is missing', ({ tenants }) => delete nth(tenants, 1)['issuer']],
  ['CONFIG_FILE tenants[1].client.secret uses ${NOT_SET}, which is not set', ({ tenants }) => (client(nth(tenants, 1))['secret'] = '${NOT_SET}')],
  ['CONFIG_FILE tenants[1].hosts[0] is there already', ({ tenants }) => (nth(tenants, 1)['hosts'] = ['acme.test'])],
  ['CONFIG_FILE tenants[2].client.secret is a number, and must be a text', ({ tenants }) => (client(nth(tenants, 2))['secret'] = 5)],
  ['CONFIG_FILE tenants[2].id is the id of another tenant', ({ tenants }) => (nth(tenants, 2)['id'] = 'BETA')],
  ['CONFIG_FILE tenants[2].session.idle_seconds is longer than session.absolute_seconds', ({ tenants }) => (nth(tenants, 2)['session'] = { idle_seconds: 9, absolute_seconds: 8 })],
  ['CONFIG_FILE routes[0].tenants[1] is the id of no tenant', ({ routes }) => (nth(routes, 0)['tenants'] = ['acme', 'ghost'])],
  ['CONFIG_FILE routes[0].public takes token: none or token: optional', ({ routes }) => (nth(routes, 0)['public'] = true)],
  ['CONFIG_FILE routes[0].csrf is a text, and must be true or false', ({ routes }) => (nth(routes, 0)['csrf'] = 'yes')],
  ['CONFIG_FILE routes[0].headers.Authorization is a header that the broker or the connection sets', ({ routes }) => (nth(routes, 0)['headers'] = { Authorization: '{claims.sub}' })],
  ['CONFIG_FILE routes[1].tls.ca uses ${file:/not/there}, which cannot be read', ({ routes }) => (nth(routes, 1)['tls'] = { ca: '${file:/not/there}' })],
  ['CONFIG_FILE routes[1].verify_token needs to know whom the token is for, and the route has no audience', ({ routes }) => (nth(routes, 1)['verify_token'] = true)],
  ['CONFIG_FILE routes[1].limits.rate must be written like 100/s', ({ routes }) => (nth(routes, 1)['limits'] = { rate: 'many' })],
  ['CONFIG_FILE routes[2].upstream[0] has a path, a query or a fragment: give scheme, host and port alone', ({ routes }) => (nth(routes, 2)['upstream'] = ['http://c.test/x'])],
  ['CONFIG_FILE routes[2].path is the path of another route', ({ routes }) => (nth(routes, 2)['path'] = '/api/a')],
  ['CONFIG_FILE routes[2].token exchange needs audience, resource or scope: a token for what', ({ routes }) => (nth(routes, 2)['token'] = 'exchange')],
  ['CONFIG_FILE routes[3] is a text, and must be a table', ({ routes }) => routes.splice(3, 1, '/api/d' as unknown as Table)],
] // prettier-ignore

test('settings › a deployment in good order › has no problem', () => {
  assert.deepEqual(wrongsOf(good()), [])
})

test('settings › a mistake of every kind, in the environment and in the file › all are told at once, and nothing else', () => {
  const deployment = good()
  for (const [, make] of mistakes) make(deployment)
  assert.deepEqual(wrongsOf(deployment).toSorted(), mistakes.map(([told]) => told).toSorted())
})

test('settings › any of these mistakes together › each is told, and nothing that nobody did', () => {
  fc.assert(
    fc.property(fc.subarray([...mistakes]), (some) => {
      const deployment = good()
      for (const [, make] of some) make(deployment)
      assert.deepEqual(wrongsOf(deployment).toSorted(), some.map(([told]) => told).toSorted())
    }),
  )
})

test('settings › mistakes in a file › each with an example of its own place, and no value', () => {
  const deployment = good()
  for (const [, make] of mistakes) make(deployment)
  const { env, tenants, routes } = deployment
  client(nth(tenants, 0))['secret'] = ['hunter2']
  const result = load(env, { 'f.json': JSON.stringify({ tenants, routes }) })
  const found = result.ok ? [] : result.problems
  const exampleAt = (place: string) =>
    found.find(({ name }) => name === `CONFIG_FILE ${place}`)?.example
  assert.equal(exampleAt('routes[1].limits.rate'), 'limits: { body: 100mb, concurrent: 200, rate: 100/s }') // prettier-ignore
  assert.equal(exampleAt('tenants[0].client.secret'), 'secret: "${ACME_SECRET}"')
  assert.equal(exampleAt('tenants[1].client.secret'), 'NOT_SET=… in the environment')
  assert.equal(exampleAt('tenants[1].issuer'), 'issuer: https://id.example/realms/main')
  assert.match(exampleAt('routes[3]') ?? '', /path: .*upstream: /)
  const text = formatProblems(found)
  assert.doesNotMatch(text, /hunter2|sesame-of-acme/)
  assert.match(text, /^Latchkey cannot start: 27 of its settings are wrong/)
})

test('settings › tenants whose ids cannot be read, routes for them › the fault alone, and not what follows from it', () => {
  const deployment = good()
  nth(deployment.tenants, 0)['id'] = 'not an id'
  nth(deployment.tenants, 1)['id'] = '${NOT_SET}'
  nth(deployment.routes, 0)['path'] = 7
  nth(deployment.routes, 0)['strip_prefix'] = '/api'
  assert.deepEqual(wrongsOf(deployment), [
    'CONFIG_FILE tenants[1].id uses ${NOT_SET}, which is not set',
    'CONFIG_FILE tenants[0].id must be letters, digits, - and _, 64 at most',
    'CONFIG_FILE routes[0].path is a number, and must be a text',
  ])
})

test('settings › BASE_URL is wrong, tenants have hosts › nothing is said of plain http', () => {
  const deployment = good()
  deployment.env['BASE_URL'] = 'app.test'
  assert.deepEqual(wrongsOf(deployment), ['BASE_URL is not an absolute URL'])
  delete deployment.env['BASE_URL']
  assert.deepEqual(wrongsOf(deployment), ['BASE_URL is not set, and production needs it'])
})
