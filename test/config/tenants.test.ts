import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Config } from '../../server/config/config.ts'
import { settings } from '../../server/config/env.ts'
import { tenantKeys } from '../../server/config/tenant-schema.ts'
import { loaded, problems, production, provider, warnings, without } from './loading.ts'

type Env = Readonly<Record<string, string>>

const base = { CONFIG_FILE: 'f.yaml', BASE_URL: 'https://app.test' }
const client = 'client: { id: bff, secret: sesame }'
/** A tenant of the least, at a host, with more in flow style. */
const acme = (more = '') =>
  `{ id: acme, hosts: [acme.test], issuer: "https://acme.id.test", ${client}${more && `, ${more}`} }`
const beta = `{ id: beta, path_prefix: /t/beta, issuer: "https://beta.id.test", ${client} }`
const routes = 'routes: [{ path: /api, upstream: "http://a.test" }]'
const fileOf = (tenants: readonly string[], more = routes) =>
  ({ 'f.yaml': `tenants: [${tenants.join(', ')}]\n${more}` }) as const

const tenantsOf = (...tenants: readonly string[]): NonNullable<Config['tenants']> =>
  loaded(base, fileOf(tenants)).tenants ?? []
const faults = (tenants: readonly string[], env: Env = {}, more = routes): readonly string[] =>
  problems({ ...base, ...env }, fileOf(tenants, more)).map((line) =>
    line.replace(/^CONFIG_FILE /, ''),
  )

test('tenants › of the least › have the defaults of the default tenant, and their place', () => {
  const [one, two] = tenantsOf(acme(), beta)
  const { tenant } = loaded({ ...base, ...provider }, fileOf([beta]))
  const defaults = tenant ?? assert.fail()
  assert.deepEqual(
    { ...one, clientAuth: defaults.clientAuth },
    { ...defaults, id: 'acme', issuer: 'https://acme.id.test', hosts: ['acme.test'] },
  )
  assert.deepEqual([two?.hosts, two?.pathPrefix, two?.id], [undefined, '/t/beta', 'beta'])
})

test('tenants › every OIDC_ variable › has a counterpart in the file', () => {
  const missing = Object.keys(settings).filter(
    (name) => name.startsWith('OIDC_') && !Object.hasOwn(tenantKeys, name),
  )
  assert.deepEqual(missing, [])
})

test('tenants › every key › is taken and means what the variable means', () => {
  const [tenant] = tenantsOf(`{
    id: acme, hosts: [Acme.TEST., "münchen.test"], path_prefix: /t/acme,
    issuer: "https://acme.id.test", discovery_url: "https://in.test/x", profile: keycloak,
    client: { id: bff, secret: old, secret_next: new, auth: client_secret_post },
    scope: [openid, organization], resource: "urn:api", audience: api,
    auth_params: { hd: a b }, allow: ["domain:acme.test", "role:x"], roles_claim: r,
    tenant_claim: organization, tenant_claim_values: [acme, acme-old],
    response_mode: form_post, par: auto, dpop: off, frontchannel: on, logout_typ: strict,
    logout_hint: off, timeout_ms: 900, refresh_leeway_seconds: 7,
    session: { idle_seconds: 60, absolute_seconds: 120 } }`)
  const { clientAuth, ...rest } = tenant ?? assert.fail()
  assert.equal(clientAuth.method, 'client_secret_post')
  assert.deepEqual(rest, {
    id: 'acme',
    hosts: ['acme.test', 'xn--mnchen-3ya.test'],
    pathPrefix: '/t/acme',
    issuer: 'https://acme.id.test',
    discoveryUrl: 'https://in.test/x',
    profile: 'keycloak',
    clientId: 'bff',
    scope: 'openid organization',
    resource: 'urn:api',
    audience: 'api',
    authParams: { hd: 'a b' },
    rolesClaim: 'r',
    allow: [
      { kind: 'domain', value: 'acme.test' },
      { kind: 'role', value: 'x' },
    ],
    allowedTids: undefined,
    frontchannel: 'iss_and_sid',
    responseMode: 'form_post',
    logoutTyp: 'strict',
    logoutHint: 'off',
    timeoutMs: 900,
    refreshLeewaySeconds: 7,
    tenantClaim: { path: 'organization', values: ['acme', 'acme-old'] },
    session: { idleSeconds: 60, absoluteSeconds: 120 },
  })
})

test('tenants › one session limit › stands beside the general other one', () => {
  const [tenant] = tenantsOf(acme('session: { idle_seconds: 60 }'))
  assert.deepEqual(tenant?.session, { idleSeconds: 60, absoluteSeconds: 43_200 })
})

const wrong: readonly (readonly [string, readonly string[], readonly string[], string?])[] = [
  ['no place', [`{ id: a, issuer: "https://i.test", ${client} }`], ['tenants[0].hosts is missing, and so is path_prefix: give one of them']],
  ['an unknown key', [acme('colour: red')], ['tenants[0] has unknown keys: colour']],
  ['an id with a dot', [acme().replace('id: acme', 'id: a.b')], ['tenants[0].id must be letters, digits, - and _, 64 at most']],
  ['no secret', [acme().replace(', secret: sesame', '')], ['tenants[0].client.secret is not set, and issuer is']],
  ['an http issuer', [acme().replace('https://acme', 'http://acme')], ['tenants[0].issuer is plain http: an issuer is https (on this machine itself, http will do in development)']],
  ['a scope without openid', [acme('scope: profile')], ['tenants[0].scope lacks the scope openid']],
  ['a public client', [acme().replace('secret: sesame', 'auth: none')], ['tenants[0].client.auth is none, which needs client.allow_public=true']],
  ['no keys', [acme().replace('secret: sesame', 'auth: private_key_jwt')], ['tenants[0].client.keys is not set, and issuer is']],
  ['DPoP', [acme('dpop: on')], ['tenants[0].dpop on is not available in this version']],
  ['a shared issuer of Entra', [acme('profile: entra').replace('https://acme.id.test', 'https://login.test/common/v2.0')], ['tenants[0].allow has no tid: rule, and issuer is for every tenant: anybody in the world could log in']],
  ['limits the wrong way round', [acme('session: { idle_seconds: 9, absolute_seconds: 8 }')], ['tenants[0].session.idle_seconds is longer than session.absolute_seconds']],
  ['values of no claim', [acme('tenant_claim_values: [x]')], ['tenants[0].tenant_claim_values is there without tenant_claim']],
  ['one id twice, by case', [acme(), beta.replace('id: beta', 'id: ACME')], ['tenants[1].id is the id of another tenant']],
  ['one client twice', [acme(), beta.replace('beta.id', 'acme.id')], ['tenants[1].client.id is registered at this issuer for another tenant']],
  ['one host twice', [acme(), beta.replace('path_prefix: /t/beta', 'hosts: [ACME.test.]')], ['tenants[1].hosts[0] is there already']],
  ['a host with a port', [acme().replace('acme.test]', '"acme.test:8443"]')], ['tenants[0].hosts[0] has a port: scheme and port are those of BASE_URL']],
  ['a wildcard', [acme().replace('acme.test]', '"*.test"]')], ['tenants[0].hosts[0] has a wildcard: name each host']],
  ['a URL', [acme().replace('acme.test]', '"https://acme.test"]')], ['tenants[0].hosts[0] is not a host alone: leave out scheme, path and user']],
  ['an empty label', [acme().replace('acme.test]', 'acme..test]')], ['tenants[0].hosts[0] is not a host name such as acme.app.example']],
  ['one prefix twice', [beta, beta.replace('id: beta', 'id: b2').replace('beta.id', 'b2.id')], ['tenants[0].path_prefix is, or lies in, or holds the prefix of another tenant', 'tenants[1].path_prefix is, or lies in, or holds the prefix of another tenant']],
  ['a prefix within another', [beta, beta.replace('id: beta', 'id: b2').replace('beta.id', 'b2.id').replace('/t/beta', '/t')], ['tenants[0].path_prefix is, or lies in, or holds the prefix of another tenant', 'tenants[1].path_prefix is, or lies in, or holds the prefix of another tenant']],
  ['a prefix in a route', [beta.replace('/t/beta', '/api/beta')], ['tenants[0].path_prefix and the route /api lie in one another']],
  ['a prefix that holds a route', [beta.replace('/t/beta', '/api')], ['tenants[0].path_prefix and the route /api lie in one another']],
  ['a prefix above a route', [beta.replace('/t/beta', '/a')], ['tenants[0].path_prefix and the route /a/b/c lie in one another'], 'routes: [{ path: /ab, upstream: "http://a.test" }, { path: /a/b/c, upstream: "http://a.test" }]'],
  ['an own address', [beta.replace('/t/beta', '/session/x')], ["tenants[0].path_prefix is one of the broker's own addresses"]],
  ['a prefix for no cookie path', [beta.replace('/t/beta', '"/t/b,c"')], ['tenants[0].path_prefix must be of letters, digits, -, ., _ and ~']],
] // prettier-ignore
for (const [what, tenants, expected, more] of wrong)
  test(`tenants › ${what} › is refused in clear words`, () => {
    assert.deepEqual(faults(tenants, {}, more), expected)
  })

test('tenants › ISS-4-a with a default tenant › its id, client and host are taken', () => {
  const env = { ...provider, BASE_URL: 'https://acme.test' }
  const same = acme().replace('id: acme', 'id: default').replace('https://acme.id.test', provider.OIDC_ISSUER) // prettier-ignore
  assert.deepEqual(faults([same], env), [
    'tenants[0].id is the id of another tenant',
    'tenants[0].client.id is registered at this issuer for another tenant',
    "tenants[0].hosts[0] is BASE_URL's, which is the default tenant's: that of OIDC_ISSUER",
  ])
  assert.deepEqual(faults([acme().replace('id: acme', 'id: default')], { BASE_URL: env.BASE_URL }), []) // prettier-ignore
})

test('routes › for a tenant that there is not › are refused; for the default one only where it is', () => {
  const more = 'routes: [{ path: /api, upstream: "http://a.test", tenants: [acme, default, x] }]'
  const unknown = (k: number) => `routes[0].tenants[${k}] is the id of no tenant`
  assert.deepEqual(faults([acme()], {}, more), [unknown(1), unknown(2)])
  assert.deepEqual(faults([acme()], provider, more), [unknown(2)])
})

test('tenants › plain http › only on this machine', () => {
  const env = { BASE_URL: 'http://localhost:3000' }
  assert.deepEqual(faults([acme()], env), [
    'tenants[0].hosts[0] is not this machine, and BASE_URL is plain http',
  ])
  assert.deepEqual(faults([acme().replace('acme.test', 'acme.localhost')], env), [])
})

test('tenants › in production › stand in for OIDC_ISSUER; a secret of the documentation does not pass', () => {
  const env = without(production, 'OIDC_ISSUER', 'OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET', 'UPSTREAM')
  const all = { ...env, CONFIG_FILE: 'f.yaml' }
  assert.deepEqual(problems(all, fileOf([acme()])), [])
  assert.deepEqual(problems(all, fileOf([acme().replace('sesame', 'change-me')])), [
    'CONFIG_FILE tenants[0].client.secret is a text of the documentation',
  ])
  assert.deepEqual(problems(all, { 'f.yaml': routes }), [
    'OIDC_ISSUER is not set, and production needs it',
  ])
})

test('tenants › a habit of a provider that will not last › is warned about by the tenant', () => {
  assert.deepEqual(warnings(base, fileOf([acme('profile: auth0')])), [
    'Tenant acme: scope has no offline_access: sessions end with their first access token.',
  ])
})

test('routes › verify_token without an audience, or what a provider refuses › by the tenants that may use them', () => {
  const withRoute = (more: string) => `routes: [{ path: /api, upstream: "http://a.test", ${more} }]`
  const named = acme('audience: orders')
  const verified = 'verify_token: true'
  const fault =
    'routes[0].verify_token needs to know whom the token is for, and the route has no audience'
  assert.deepEqual(faults([named, beta], {}, withRoute(verified)), [fault])
  assert.deepEqual(faults([named], provider, withRoute(verified)), [fault])
  assert.deepEqual(faults([named], {}, withRoute(verified)), [])
  assert.deepEqual(faults([named, beta], provider, withRoute(`${verified}, tenants: [acme]`)), [])
  const entra = beta.replace('path_prefix', 'profile: entra, path_prefix')
  const resource = 'resource: "urn:x"'
  assert.deepEqual(faults([acme(), entra], {}, withRoute(resource)), [
    'routes[0].resource is refused by entra: name it in scope',
  ])
  assert.deepEqual(faults([acme(), entra], {}, withRoute(`${resource}, tenants: [acme]`)), [])
})
