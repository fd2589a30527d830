import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Tenant } from '../../server/config/config.ts'
import { capturedLog } from '../support/captured-log.ts'
import { sendJson } from '../support/plain-http.ts'
import { statusOf, withTenants } from '../support/reload.ts'
import { startTenants } from '../support/tenants.ts'

type Rules = Partial<Tenant>
const claim = (...values: readonly string[]): Rules => ({
  tenantClaim: { path: 'organization', values },
})
const allow = (...rules: NonNullable<Tenant['allow']>): Rules => ({ allow: rules })

/** What acme's rules become, what the person's ID token said, and whether the session goes on. */
const changes: readonly (readonly [
  what: string,
  said: Readonly<Record<string, unknown>>,
  rules: Rules,
  goesOn: boolean,
])[] = [
  ['a claim that names the tenant', { organization: ['acme'] }, claim('acme'), true],
  ['a claim that names another', { organization: ['beta'] }, claim('acme'), false],
  ['a claim that the ID token does not have', {}, claim('acme'), true],
  ['a group that they are in', { groups: ['staff'] }, allow({ kind: 'group', value: 'staff' }), true],
  ['a group that they are not in', { groups: ['guests'] }, allow({ kind: 'group', value: 'staff' }), false],
  ['a group, of which the ID token says nothing', {}, allow({ kind: 'group', value: 'staff' }), true],
  ['a domain of others', { email: 'a@b.test' }, allow({ kind: 'domain', value: 'c.test' }), false],
  ['a domain of others, or a group of theirs', { email: 'a@b.test', groups: ['staff'] }, allow({ kind: 'domain', value: 'c.test' }, { kind: 'group', value: 'staff' }), true],
  ['a role that they have', { roles: ['clerk'] }, allow({ kind: 'role', value: 'clerk' }), true],
  ['other directories of a shared issuer, or a role of theirs', { tid: 'of-theirs', roles: ['clerk'] }, { ...allow({ kind: 'tid', value: 'of-others' }, { kind: 'role', value: 'clerk' }), allowedTids: ['of-others'] }, false],
  ['their directory of a shared issuer', { tid: 'OF-THEIRS' }, { ...allow({ kind: 'tid', value: 'of-theirs' }), allowedTids: ['of-theirs'] }, true],
  ['a role that they do not have', { roles: ['clerk'] }, allow({ kind: 'role', value: 'boss' }), false],
] // prettier-ignore
for (const [what, said, rules, goesOn] of changes)
  test(`reload › a tenant asks for ${what} › its session ${goesOn ? 'goes on' : 'ends with the next call'}`, async (t) => {
    const { log, text } = capturedLog()
    const world = await startTenants(t, { log })
    world.two.script.idTokenClaims = said
    const user = await world.loggedIn('acme')
    const other = await world.loggedIn('gamma')
    assert.equal(await statusOf(world, 'acme', user), 200)
    const [acme, ...others] = withTenants(world, ['acme', 'beta', 'gamma']).tenants ?? []
    assert.ok(acme)
    await world.broker.reload({ ...world.config, tenants: [{ ...acme, ...rules }, ...others] })
    const answer = await user.call(world.address('acme', '/api/orders'))
    assert.equal(answer.status, goesOn ? 200 : 401)
    if (!goesOn) assert.equal(answer.json()['code'], 'session_revoked')
    assert.equal(text().includes('"reason":"not_allowed"'), !goesOn)
    assert.equal(await statusOf(world, 'gamma', other), 200)
    // What has ended does not come back with the rules from before.
    await world.broker.reload(world.config)
    assert.equal(await statusOf(world, 'acme', user), goesOn ? 200 : 401)
  })

test('reload › a role is asked for that the UserInfo endpoint alone told of › the session goes on', async (t) => {
  const world = await startTenants(t, {
    config: (config) => ({
      ...config,
      tenants: config.tenants.map((one) => ({ ...one, furtherRoles: [['more', 'roles']] })),
    }),
  })
  world.two.script.idTokenClaims = { roles: ['clerk'], name: undefined }
  world.two.script.userInfo = (_req, res) =>
    sendJson(res, 200, { sub: 'user-1', more: { roles: ['boss'] } })
  const user = await world.loggedIn('acme')
  const rules = allow({ kind: 'role', value: 'boss' })
  await world.broker.reload(withTenants(world, ['acme', 'beta', 'gamma'], rules))
  assert.equal(await statusOf(world, 'acme', user), 200)
})
