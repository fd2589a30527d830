import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Tenant } from '../../server/config/config.ts'
import type { Env } from '../../server/config/reader.ts'
import { formatProblems } from '../../server/config/load.ts'
import { load, loaded, problems, provider, warnings } from './loading.ts'

const tenantOf = (env: Env): Tenant => {
  const { tenant } = loaded({ ...provider, ...env })
  assert.ok(tenant)
  return tenant
}

const day = 86_400
const profiles = {
  generic: { roles: 'roles', leeway: 0, auth: {} },
  keycloak: { roles: 'realm_access.roles', leeway: 0, auth: {} },
  entra: { roles: 'roles', leeway: day, auth: {} },
  auth0: { roles: 'roles', leeway: 0, auth: {} },
  okta: { roles: 'groups', leeway: 0, auth: {} },
  cognito: { roles: 'cognito:groups', leeway: 0, auth: {} },
  google: {
    roles: 'roles',
    leeway: day,
    auth: { access_type: 'offline', prompt: 'consent' },
  },
} as const

for (const [name, expected] of Object.entries(profiles))
  test(`OIDC_PROFILE › ${name} › its place of roles, leeway and parameters`, () => {
    const { rolesClaim, refreshLeewaySeconds, authParams } = tenantOf({ OIDC_PROFILE: name })
    const { roles, leeway, auth } = expected
    assert.deepEqual([rolesClaim, refreshLeewaySeconds, authParams], [roles, leeway, auth])
  })

test('OIDC_PROFILE › each thing set by itself › wins over the profile', () => {
  const tenant = tenantOf({
    OIDC_PROFILE: 'google',
    OIDC_SCOPE: 'openid',
    OIDC_ROLES_CLAIM: 'hd',
    OIDC_REFRESH_LEEWAY_SECONDS: '0',
    OIDC_AUTH_PARAMS: 'prompt=select_account&hd=a.test',
  })
  assert.deepEqual(
    [tenant.scope, tenant.rolesClaim, tenant.refreshLeewaySeconds, tenant.authParams],
    ['openid', 'hd', 0, { access_type: 'offline', prompt: 'select_account', hd: 'a.test' }],
  )
})

test("OIDC_AUTH_PARAMS › an empty one › takes the profile's away", () => {
  const { authParams } = tenantOf({ OIDC_PROFILE: 'google', OIDC_AUTH_PARAMS: 'prompt=' })
  assert.deepEqual(authParams, { access_type: 'offline' })
})

test("OIDC_PROFILE › keycloak › our client's roles too, unless OIDC_ROLES_CLAIM says one place", () => {
  const env = { OIDC_PROFILE: 'keycloak', OIDC_CLIENT_ID: 'my.app' }
  assert.deepEqual(tenantOf(env).furtherRoles, [['resource_access', 'my.app', 'roles']])
  assert.equal(tenantOf({ ...env, OIDC_ROLES_CLAIM: 'roles' }).furtherRoles, undefined)
})

const tid = '8eaef023-2b34-4da1-9baa-8bc8c9d6a490'
const shared = (segment: string): Env => ({
  ...provider,
  OIDC_PROFILE: 'entra',
  OIDC_ISSUER: `https://login.microsoftonline.com/${segment}/v2.0`,
})

for (const segment of ['common', 'organizations'])
  test(`OIDC_ISSUER › Entra's ${segment} without a tid: rule › refused, with a rule to copy`, () => {
    const result = load(shared(segment))
    assert.ok(!result.ok)
    const text = formatProblems(result.problems)
    assert.match(text, /OIDC_ALLOW has no tid: rule.*anybody in the world could log in/)
    assert.match(text, /for example: tid:8eaef023-/)
    const { tenant } = loaded({ ...shared(segment), OIDC_ALLOW: `tid:${tid.toUpperCase()}` })
    assert.deepEqual(tenant?.allowedTids, [tid])
  })

for (const rule of ['tid:', 'tid:*', 'tid:contoso.onmicrosoft.com', `tid:${tid},tid:common`])
  test(`OIDC_ALLOW › ${rule} at a shared issuer › refused: not a GUID, and nothing else`, () => {
    const wrong = problems({ ...shared('common'), OIDC_ALLOW: rule })
    assert.equal(wrong.length, 1)
    assert.match(wrong[0] ?? '', /^OIDC_ALLOW has the rule .*which is no GUID/)
  })

test('OIDC_ALLOW › only a domain at a shared issuer › refused: whoever owns a tenant writes any address', () => {
  const [wrong] = problems({ ...shared('common'), OIDC_ALLOW: 'domain:contoso.example' })
  assert.match(wrong ?? '', /^OIDC_ALLOW has no tid: rule/)
})

test("OIDC_ISSUER › one tenant's at Entra, or common at another provider › needs no rule", () => {
  assert.deepEqual(problems(shared(tid)), [])
  assert.deepEqual(problems({ ...provider, OIDC_ISSUER: 'https://id.test/common' }), [])
})

const scopes = [
  ['openid api://a/x api://a/y', true],
  ['openid profile email offline_access User.Read Mail.Read', true],
  ['openid https://graph.microsoft.com/User.Read User.Read', true],
  ['openid https://vault.azure.net//.default https://vault.azure.net/.default', true],
  ['openid api://a/x api://b/x', false],
  ['openid User.Read api://a/x', false],
  ['openid https://graph.microsoft.com/User.Read https://vault.azure.net/.default', false],
] as const
for (const [scope, isGood] of scopes)
  test(`OIDC_SCOPE › ${scope} at Entra › ${isGood ? 'one resource: starts' : 'two resources: refused'}`, () => {
    const wrong = 'OIDC_SCOPE has scopes of two resources, and a token of entra is for one (AADSTS28000)' // prettier-ignore
    assert.deepEqual(problems({ ...shared(tid), OIDC_SCOPE: scope }), isGood ? [] : [wrong])
    assert.deepEqual(problems({ ...provider, OIDC_SCOPE: scope }), [])
  })

test('OIDC_RESOURCE › at Entra › refused at the start, not at every login', () => {
  const [wrong] = problems({ ...shared(tid), OIDC_RESOURCE: 'https://api.test' })
  assert.match(wrong ?? '', /^OIDC_RESOURCE is refused by entra \(AADSTS901002\)/)
})

for (const name of ['entra', 'auth0', 'okta'])
  test(`OIDC_SCOPE › ${name} without offline_access › a warning: no refresh token will come`, () => {
    const env = { ...provider, OIDC_PROFILE: name }
    assert.deepEqual(warnings(env), [
      'OIDC_SCOPE has no offline_access: sessions end with their first access token.',
    ])
    assert.deepEqual(warnings({ ...env, OIDC_SCOPE: 'openid offline_access' }), [])
  })
