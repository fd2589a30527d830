import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Requirement } from '../../server/config/config.ts'
import { asIssuer, asSub, asTenantId } from '../../server/core/ids.ts'
import type { Principal } from '../../server/core/principal.ts'
import type { Facts } from '../../server/policy/decide.ts'
import { decide } from '../../server/policy/decide.ts'

const nowSeconds = 1_800_000_000
const tenant = asTenantId('acme')

const principal = (over: Partial<Principal> = {}): Principal => ({
  issuer: asIssuer('https://id.test'),
  sub: asSub('u1'),
  tenant,
  roles: ['orders-read'],
  claims: {},
  ...over,
})

const reading: Facts = { reads: true, writes: false, nowSeconds, scopes: undefined, tenant }
const writing: Facts = { ...reading, reads: false, writes: true }
const bothWays: Facts = { ...reading, writes: true }

const outcome = (who: Principal, requirement: Requirement, facts: Facts): string => {
  const verdict = decide(who, requirement, facts)
  return verdict.kind === 'allow' ? 'allow' : `${verdict.code} ${verdict.reason}`
}

type Case = readonly [
  name: string,
  who: Partial<Principal>,
  requirement: Requirement,
  facts: Facts,
  expected: string,
]

const any = { roles: { any: ['orders-read', 'admin'] } }
const split = { roles: { read: ['orders-read'], write: ['orders-write'] } }
const both = { roles: { any: ['orders-read'], write: ['orders-write'] } }
const all = { roles: { all: ['orders-read', 'staff'] } }
const scopes = { scopes: ['orders', 'stock'] }
const acr = { acr: ['urn:mfa', 'urn:hwk'] }
const age = { maxAgeSeconds: 900 }
const at = (secondsAgo: number) => ({ authTimeSeconds: nowSeconds - secondsAgo })

const cases: readonly Case[] = [
  ['no rule', {}, {}, reading, 'allow'],
  ['another tenant', { tenant: asTenantId('other') }, {}, reading, 'forbidden_tenant other_tenant'],
  ['another tenant without the role', { tenant: asTenantId('other'), roles: [] }, any, reading, 'forbidden_tenant other_tenant'],

  ['one of any', {}, any, reading, 'allow'],
  ['the other of any', { roles: ['admin'] }, any, writing, 'allow'],
  ['none of any', { roles: ['x'] }, any, reading, 'forbidden_role none_of_any'],
  ['no roles at all', { roles: [] }, any, reading, 'forbidden_role none_of_any'],
  ['a role that begins alike', { roles: ['orders-reader', 'Orders-Read', 'orders-read '] }, any, reading, 'forbidden_role none_of_any'],
  ['one of all', {}, all, reading, 'forbidden_role not_all'],
  ['all of all', { roles: ['staff', 'orders-read'] }, all, reading, 'allow'],
  ['write, reading', {}, both, reading, 'allow'],
  ['write, writing', {}, both, writing, 'forbidden_role none_of_write'],
  ['write, writing with the role', { roles: ['orders-read', 'orders-write'] }, both, writing, 'allow'],
  ['write, writing with that role alone', { roles: ['orders-write'] }, both, writing, 'forbidden_role none_of_any'],
  ['read, reading', {}, split, reading, 'allow'],
  ['read, reading without it', { roles: ['orders-write'] }, split, reading, 'forbidden_role none_of_read'],
  ['read, writing without it', { roles: ['orders-write'] }, split, writing, 'allow'],
  ['both ways with one of two', {}, split, bothWays, 'forbidden_role none_of_write'],
  ['both ways with the other', { roles: ['orders-write'] }, split, bothWays, 'forbidden_role none_of_read'],
  ['an empty list', {}, { roles: { any: [] } }, reading, 'forbidden_role none_of_any'],

  ['scopes unknown', {}, scopes, reading, 'insufficient_scope scopes_unknown'],
  ['no scopes', {}, scopes, { ...reading, scopes: [] }, 'insufficient_scope scope_missing'],
  ['one of two scopes', {}, scopes, { ...reading, scopes: ['orders'] }, 'insufficient_scope scope_missing'],
  ['both scopes and more', {}, scopes, { ...reading, scopes: ['openid', 'stock', 'orders'] }, 'allow'],
  ['scopes in another case', {}, scopes, { ...reading, scopes: ['Orders', 'stock'] }, 'insufficient_scope scope_missing'],
  ['a role before a scope', { roles: [] }, { ...any, ...scopes }, reading, 'forbidden_role none_of_any'],

  ['no acr', {}, acr, reading, 'step_up_required acr_unknown'],
  ['another acr', { acr: 'urn:pwd' }, acr, reading, 'step_up_required acr_other'],
  ['one of the acr', { acr: 'urn:hwk' }, acr, reading, 'allow'],
  ['an acr that is a list in a text', { acr: 'urn:mfa urn:hwk' }, acr, reading, 'step_up_required acr_other'],
  ['no auth_time', {}, age, reading, 'step_up_required auth_time_unknown'],
  ['a login of now', at(0), age, reading, 'allow'],
  ['a login as old as may be', at(900), age, reading, 'allow'],
  ['one second more, which may be rounding', at(901), age, reading, 'allow'],
  ['two seconds more', at(902), age, reading, 'step_up_required login_too_old'],
  ['a clock a little ahead', at(-30), age, reading, 'allow'],
  ['a clock far ahead', at(-31), age, reading, 'step_up_required auth_time_ahead'],
  ['auth_time without end', { authTimeSeconds: Infinity }, age, reading, 'step_up_required auth_time_ahead'],
  ['auth_time that is no number', { authTimeSeconds: NaN }, age, reading, 'step_up_required login_too_old'],
  ['fresh, and another acr', { ...at(0), acr: 'urn:pwd' }, { ...acr, ...age }, reading, 'step_up_required acr_other'],
  ['a scope before a step-up', {}, { ...acr, ...scopes }, { ...reading, scopes: [] }, 'insufficient_scope scope_missing'],
] // prettier-ignore

for (const [name, who, requirement, facts, expected] of cases)
  test(`decide › ${name} (V7.5.3, OIDC-3.1.3.7-12, OIDC-3.1.3.7-13) › ${expected}`, () => {
    assert.equal(outcome(principal(who), requirement, facts), expected)
  })

test('decide › a step-up for one rule of two (R29) › asks for both, so that its answer cannot fail the other', () => {
  for (const who of [
    { acr: 'urn:pwd', ...at(0) },
    { acr: 'urn:mfa', ...at(5_000) },
  ]) {
    const verdict = decide(principal(who), { ...acr, ...age }, reading)
    assert.ok(verdict.kind === 'deny' && verdict.code === 'step_up_required')
    assert.deepEqual(verdict.demand, { acrValues: ['urn:mfa', 'urn:hwk'], maxAgeSeconds: 900 })
  }
})

test('decide › facts taken away from any allowed call (V7.5.3) › never allow more', () => {
  const word = fc.constantFrom('a', 'b', 'c')
  const words = fc.uniqueArray(word, { minLength: 1 })
  const requirement = fc.record(
    {
      roles: fc.record({ any: words, all: words, read: words, write: words }, { requiredKeys: [] }),
      scopes: words,
      acr: words,
      maxAgeSeconds: fc.integer({ min: 1, max: 100 }),
    },
    { requiredKeys: [] },
  )
  const who = fc.record({
    roles: fc.uniqueArray(word),
    acr: fc.option(word, { nil: undefined }),
    authTimeSeconds: fc.option(fc.integer({ min: nowSeconds - 120, max: nowSeconds }), { nil: undefined }), // prettier-ignore
  })
  const scopesKnown = fc.option(fc.uniqueArray(word), { nil: undefined })
  fc.assert(
    fc.property(requirement, who, scopesKnown, fc.boolean(), (rules, person, known, writes) => {
      const facts = { ...reading, reads: !writes, writes, scopes: known }
      const knowingLess: readonly (readonly [Principal, Facts])[] = [
        [principal({ ...person, roles: [] }), facts],
        [principal({ ...person, acr: undefined }), facts],
        [principal({ ...person, authTimeSeconds: undefined }), facts],
        [principal(person), { ...facts, scopes: undefined }],
      ]
      if (decide(principal(person), rules, facts).kind === 'allow') return
      for (const [less, lessFacts] of knowingLess)
        assert.equal(decide(less, rules, lessFacts).kind, 'deny')
    }),
    { numRuns: 1_000 },
  )
})
