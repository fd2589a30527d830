import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AllowRule } from '../../server/config/config.ts'
import type { ProfileName } from '../../server/core/profiles.ts'
import {
  isNoLongerAllowed,
  otherAccountPrompt,
  whyNotAllowed,
} from '../../server/oidc/may-log-in.ts'

type Claims = Readonly<Record<string, unknown>>

const ruled = (allow: readonly AllowRule[] | undefined, profile: ProfileName = 'generic') => ({
  allow,
  profile,
  rolesClaim: 'realm_access.roles',
})

const domain: AllowRule = { kind: 'domain', value: 'example.com' }
const gmail: AllowRule = { kind: 'domain', value: 'gmail.com' }
const group: AllowRule = { kind: 'group', value: 'staff' }
const role: AllowRule = { kind: 'role', value: 'admin' }
const tid: AllowRule = { kind: 'tid', value: '72f988bf-86f1-41af-91ab-2d7cd011db47' }
const ada = 'ada@example.com'

const table: readonly (readonly [ProfileName, AllowRule, Claims, string])[] = [
  ['generic', domain, { email: ada, email_verified: true }, 'met'],
  ['generic', domain, { email: 'Ada@EXAMPLE.com', email_verified: true }, 'met'],
  ['generic', domain, { email: ada }, 'unproven'],
  ['generic', domain, { email: ada, email_verified: false }, 'unproven'],
  ['generic', domain, { email: ada, email_verified: 'true' }, 'unproven'],
  ['generic', domain, { email: ada, xms_edov: true }, 'unproven'],
  ['generic', domain, { email_verified: true }, 'no_claim'],
  ['generic', domain, { email: '', email_verified: true }, 'no_claim'],
  ['generic', domain, { email: [ada], email_verified: true }, 'no_claim'],
  ['generic', domain, { email: 'ada@sub.example.com', email_verified: true }, 'unmet'],
  ['generic', domain, { email: 'ada@notexample.com', email_verified: true }, 'unmet'],
  ['generic', domain, { email: 'ada@example.com.evil.test', email_verified: true }, 'unmet'],
  ['generic', domain, { email: 'ada@evil.test@example.com', email_verified: true }, 'unmet'],
  ['generic', domain, { email: '"ada evil.test"@example.com', email_verified: true }, 'unmet'],
  ['generic', domain, { email: 'ada@example.com\n', email_verified: true }, 'unmet'],
  ['generic', domain, { email: '@example.com', email_verified: true }, 'unmet'],
  ['generic', domain, { email: 'example.com', email_verified: true }, 'unmet'],
  ['entra', domain, { email: ada, email_verified: true }, 'unproven'],
  ['entra', domain, { email: ada }, 'unproven'],
  ['entra', domain, { email: ada, xms_edov: true }, 'met'],
  ['entra', domain, { email: ada, xms_edov: '1' }, 'met'],
  ['entra', domain, { email: ada, xms_edov: false }, 'unproven'],
  ['google', domain, { email: ada, email_verified: true }, 'unproven'],
  ['google', domain, { email: ada, email_verified: true, hd: 'example.com' }, 'met'],
  ['google', domain, { email: ada, email_verified: false, hd: 'example.com' }, 'unproven'],
  ['google', gmail, { email: 'ada@gmail.com', email_verified: true }, 'met'],
  ['generic', group, { groups: ['staff', 'x'] }, 'met'],
  ['generic', group, { groups: 'staff' }, 'met'],
  ['generic', group, { groups: ['Staff', 'staff2'] }, 'unmet'],
  ['generic', group, { groups: [] }, 'unmet'],
  ['generic', group, { groups: [['staff']] }, 'unmet'],
  ['generic', group, {}, 'no_claim'],
  ['generic', group, { roles: ['staff'], realm_access: { roles: ['staff'] } }, 'no_claim'],
  ['entra', group, { _claim_names: { groups: 'src1' } }, 'no_claim'],
  ['cognito', group, { 'cognito:groups': ['staff'] }, 'met'],
  ['cognito', group, { groups: ['staff'] }, 'no_claim'],
  ['keycloak', role, { realm_access: { roles: ['admin'] } }, 'met'],
  ['keycloak', role, { realm_access: { roles: ['user'] } }, 'unmet'],
  ['keycloak', role, { roles: ['admin'] }, 'no_claim'],
  ['entra', tid, { tid: tid.value.toUpperCase() }, 'met'],
  ['entra', tid, { tid: '00000000-0000-0000-0000-000000000000' }, 'unmet'],
  ['entra', tid, { tid: [tid.value] }, 'no_claim'],
  ['entra', tid, {}, 'no_claim'],
]

for (const [profile, rule, claims, verdict] of table)
  test(`OIDC_ALLOW › ${profile}, ${rule.kind}:${rule.value}, ${JSON.stringify(claims)} › ${verdict}`, () => {
    const expected = verdict === 'met' ? undefined : { [rule.kind]: verdict }
    assert.deepEqual(whyNotAllowed(claims, ruled([rule], profile)), expected)
  })

test('OIDC_ALLOW › several rules › any that is met lets in', () => {
  const rules = ruled([domain, group, role])
  assert.equal(whyNotAllowed({ groups: ['staff'] }, rules), undefined)
  assert.deepEqual(whyNotAllowed({ email: 'eve@evil.test', groups: [] }, rules), {
    domain: 'unmet',
    group: 'unmet',
    role: 'no_claim',
  })
})

test('OIDC_ALLOW › two rules of one kind › the log is told the nearer verdict of both', () => {
  const rules = ruled([domain, { kind: 'domain', value: 'other.test' }])
  assert.deepEqual(whyNotAllowed({ email: ada }, rules), { domain: 'unproven' })
})

test('OIDC_ALLOW › no rules › everyone', () => {
  assert.equal(whyNotAllowed({}, ruled(undefined)), undefined)
  assert.equal(isNoLongerAllowed({}, ruled(undefined)), false)
})

const later: readonly (readonly [Claims, boolean])[] = [
  [{}, false],
  [{ groups: ['staff'] }, false],
  [{ groups: [] }, false],
  [{ groups: [], email: 'ada@other.test' }, true],
  [{ groups: [], email: ada }, false],
  [{ groups: ['staff'], email: 'ada@other.test' }, false],
]

for (const [claims, over] of later)
  test(`OIDC_ALLOW at a refresh › ${JSON.stringify(claims)} › ${over ? 'every rule is contradicted' : 'goes on'}`, () => {
    assert.equal(isNoLongerAllowed(claims, ruled([domain, group])), over)
  })

const shared: readonly (readonly [Claims, boolean])[] = [
  [{ groups: ['staff'], tid: tid.value }, false],
  [{ groups: ['staff'], tid: tid.value.toUpperCase() }, false],
  [{ groups: ['staff'], tid: '00000000-0000-4000-8000-000000000000' }, true],
  [{ groups: ['staff'] }, false],
]

for (const [claims, over] of shared)
  test(`OIDC_ALLOW at a refresh, where many directories share the issuer › ${JSON.stringify(claims)} › ${over ? 'no other rule stands in for the directory' : 'goes on'}`, () => {
    const rules = { ...ruled([tid, group], 'entra'), allowedTids: [tid.value] }
    assert.equal(isNoLongerAllowed(claims, rules), over)
  })

test('OIDC_ALLOW › the way to another account › select_account where the provider has it, else login', () => {
  assert.equal(otherAccountPrompt('entra'), 'select_account')
  assert.equal(otherAccountPrompt('google'), 'select_account')
  assert.equal(otherAccountPrompt('keycloak'), 'login')
})
