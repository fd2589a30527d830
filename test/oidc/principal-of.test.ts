import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { IDToken } from 'openid-client'
import { principalOf, rolesOf } from '../../server/oidc/principal-of.ts'
import { testConfig } from '../support/world.ts'

const { tenant } = testConfig('http://localhost', 'https://id.example', { origin: 'http://api' })

const claimsOf = (more: Record<string, unknown> = {}): IDToken => ({
  iss: 'https://id.example',
  sub: 'user-1',
  aud: 'bff',
  iat: 1,
  exp: 2,
  ...more,
})

const url = 'https://claims.example/v1.0/roles'

const roles = [
  ['a list', { roles: ['a', 'b'] }, 'roles', ['a', 'b']],
  ['a text', { roles: 'a' }, 'roles', ['a']],
  ['a text with spaces is one role', { roles: 'a b' }, 'roles', ['a b']],
  ['a path', { realm_access: { roles: ['a'] } }, 'realm_access.roles', ['a']],
  ['a URL as name', { [url]: ['a'] }, url, ['a']],
  ['the whole name before the path', { 'a.b': ['whole'], a: { b: ['path'] } }, 'a.b', ['whole']],
  ['numbers, null, lists among them', { roles: ['a', 1, null, ['b'], {}] }, 'roles', ['a']],
  ['no such claim', {}, 'roles', []],
  ['null', { roles: null }, 'roles', []],
  ['an object', { roles: { admin: true } }, 'roles', []],
  ['a path through a text', { a: 'text' }, 'a.length', []],
  ['a path through null', { a: null }, 'a.b', []],
  ['a path through a list', { a: [['x']] }, 'a.0', ['x']],
  ['__proto__', {}, '__proto__', []],
  ['constructor.name', {}, 'constructor.name', []],
  ['toString', {}, 'toString', []],
  ['an empty path', {}, '', []],
] as const

for (const [name, claims, path, expected] of roles)
  test(`rolesOf › ${name} › ${JSON.stringify(expected)}`, () => {
    assert.deepEqual(rolesOf(claims, path), expected)
  })

test('rolesOf › an own claim called __proto__ › is a claim like any other', () => {
  const claims = JSON.parse('{"__proto__":["admin"]}') as Record<string, unknown>
  assert.deepEqual(rolesOf(claims, '__proto__'), ['admin'])
  assert.deepEqual(rolesOf(claims, 'roles'), [])
})

test('principalOf › an ID token › issuer and tenant from the settings, the rest from its claims', () => {
  const claims = claimsOf({
    sid: 's',
    acr: 'a',
    auth_time: 3,
    name: 'Ada',
    email: 'e',
    roles: ['r'],
  })
  assert.deepEqual(principalOf(claims, tenant, []), {
    issuer: tenant.issuer,
    tenant: tenant.id,
    sub: 'user-1',
    sid: 's',
    roles: ['r'],
    claims: { name: 'Ada', email: 'e' },
    acr: 'a',
    authTimeSeconds: 3,
  })
})

test('principalOf › claims of the wrong type › left out', () => {
  const principal = principalOf(claimsOf({ sid: 1, acr: ['a'] }), tenant, [])
  assert.equal(principal.sid, undefined)
  assert.equal(principal.acr, undefined)
})

const shown = [
  ['one that is listed', { dept: 'x' }, ['dept'], { dept: 'x' }],
  ['one that is not', { dept: 'x' }, [], {}],
  ['a URL as name', { [url]: ['a'] }, [url], { [url]: ['a'] }],
  ['an object', { address: { city: 'x' } }, ['address'], { address: { city: 'x' } }],
  ['false, 0 and null', { a: false, b: 0, c: null }, ['a', 'b', 'c'], { a: false, b: 0, c: null }],
  ['4096 bytes', { big: 'x'.repeat(4_094) }, ['big'], { big: 'x'.repeat(4_094) }],
  ['4097 bytes', { big: 'x'.repeat(4_095) }, ['big'], {}],
  ['4 kB of two-byte letters', { big: 'ä'.repeat(2_500) }, ['big'], {}],
  ['prototype names', {}, ['__proto__', 'constructor', 'toString', 'hasOwnProperty'], {}],
] as const

for (const [name, claims, names, expected] of shown)
  test(`principalOf › SESSION_CLAIMS: ${name} › ${Object.keys(expected).join(', ') || 'nothing'} (R30)`, () => {
    assert.deepEqual(principalOf(claimsOf(claims), tenant, names).claims, expected)
  })

test('principalOf › an own claim called __proto__ that is listed › changes no prototype (R30)', () => {
  const claims = claimsOf(JSON.parse('{"__proto__":{"admin":true}}') as Record<string, unknown>)
  const picked = principalOf(claims, tenant, ['__proto__']).claims
  assert.equal(Object.getPrototypeOf(picked), Object.prototype)
  assert.equal(Reflect.get({}, 'admin'), undefined)
  assert.equal('admin' in picked, false)
})
