import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ClaimHeader } from '../../server/config/config.ts'
import { asIssuer, asSub, asTenantId } from '../../server/core/ids.ts'
import { claimsInHeaders, withClaims } from '../../server/proxy/claim-headers.ts'
import { route } from '../support/world.ts'

const principalWith = (headerClaims: Record<string, unknown>) => ({
  issuer: asIssuer('https://id.test'),
  sub: asSub('user-1'),
  tenant: asTenantId('default'),
  roles: [],
  claims: { name: 'Ada', email: 'ada@id.test' },
  headerClaims,
})

const own = (...parts: ClaimHeader['parts']): readonly ClaimHeader[] => [{ name: 'x-own', parts }]
const dept: ClaimHeader['parts'][number] = { claim: 'dept' }

const valueOf = (claims: Record<string, unknown>, ...parts: ClaimHeader['parts']) =>
  withClaims([], own(...parts), principalWith(claims))[1]

const values: readonly (readonly [name: string, claim: unknown, value: string | undefined])[] = [
  ['a text', 'sales', 'sales'],
  ['a text with blanks and marks', 'a b;c="d", e', 'a b;c="d", e'],
  ['a number', 42, '42'],
  ['a truth value', false, 'false'],
  ['a list', ['a', 'b', 3], 'a,b,3'],
  ['a list whose item has a comma', ['a,b', 'c'], 'a%2Cb,c'],
  ['beyond ASCII', 'José 部', 'Jos%C3%A9 %E9%83%A8'],
  ['beyond the first plane', '🔑', '%F0%9F%94%91'],
  ['half a pair', 'a\ud83db', 'a%EF%BF%BDb'],
  ['a line break and a header behind it', 'a\r\nX-Admin: 1', 'a%0D%0AX-Admin: 1'],
  ['NUL, tab, DEL', '\0\t\x7f', '%00%09%7F'],
  ['a percent sign', '100%41', '100%2541'],
  ['blanks at the ends', ' admin  ', '%20admin%20%20'],
  ['an empty text', '', undefined],
  ['null', null, undefined],
  ['nothing', undefined, undefined],
  ['an object', { a: 1 }, undefined],
  ['an empty list', [], undefined],
  ['a list with an object', ['a', {}], undefined],
]

for (const [name, claim, value] of values)
  test(`claim header › ${name} › ${value ?? 'not sent'}`, () => {
    assert.equal(valueOf({ dept: claim }, dept), value)
  })

test('claim header › any text › is safe in a header, and decoding gives it back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
      const value = valueOf({ dept: text }, dept) ?? ''
      assert.match(value, /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/)
      assert.equal(decodeURIComponent(value), text)
    }),
  )
})

test('claim header › texts around and between › one value; with one claim missing, none', () => {
  const parts = ['u=', { claim: 'sub' }, ';d=', dept]
  assert.equal(valueOf({ dept: 'x' }, ...parts), 'u=user-1;d=x')
  assert.equal(valueOf({}, ...parts), undefined)
})

test('claim header › a path by dots, a URL, sub, name › are found; what only an object has by birth is not', () => {
  const url = 'https://x.test/a.b'
  const claims = { address: { country: 'AT' }, [url]: 'u', sub: 'forged' }
  assert.equal(valueOf(claims, { claim: 'address.country' }), 'AT')
  assert.equal(valueOf(claims, { claim: url }), 'u')
  assert.equal(valueOf(claims, { claim: 'sub' }), 'user-1')
  assert.equal(valueOf(claims, { claim: 'name' }), 'Ada')
  for (const claim of ['constructor.name', '__proto__', 'address.toString', 'name.length'])
    assert.equal(valueOf(claims, { claim }), undefined)
})

test("claim header › the browser's copies › are gone, with a value in their place or none", () => {
  const sent = ['accept', 'x-own', 'x-own', 'evil', 'x-other', '1', 'x-own', 'evil']
  const list = withClaims(sent, own(dept), principalWith({ dept: 'x' }))
  assert.deepEqual(list, ['accept', 'x-own', 'x-other', '1', 'x-own', 'x'])
  const rest = ['accept', 'x-own', 'x-other', '1']
  assert.deepEqual(withClaims(sent, own(dept), principalWith({})), rest)
  assert.deepEqual(withClaims(sent, own(dept), undefined), rest)
})

test('claimsInHeaders › the routes › every claim they name, and where its path begins', () => {
  const headers = own({ claim: 'address.country' }, '-', { claim: 'sub' })
  const routes = [route('/a', 'http://a.test', { headers }), route('/b', 'http://a.test')]
  assert.deepEqual(claimsInHeaders(routes), ['address.country', 'address', 'sub'])
})
