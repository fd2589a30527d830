import assert from 'node:assert/strict'
import { test } from 'node:test'
import { format, inspect } from 'node:util'
import { isSecret, secret } from '../../server/core/secret.ts'

const hidden = 'hunter2-hunter2'
// As a caller who lost the type would print it.
const untyped = secret(hidden) as unknown as string
const nested = { list: [secret(hidden)], map: new Map([['k', secret(hidden)]]), deep: { er: { one: secret({ a: [hidden] }) } } } // prettier-ignore

const printed: readonly (readonly [string, string])[] = [
  ['JSON', JSON.stringify(secret(hidden))],
  ['JSON, nested', JSON.stringify({ ...nested, map: [...nested.map] })],
  ['a template', `a ${untyped} b`],
  ['concatenation', 'a ' + untyped],
  ['inspect', inspect(secret(hidden))],
  ['inspect, nested', inspect(nested, { depth: 9 })],
  ['inspect, hidden and without custom', inspect(nested, { depth: 9, showHidden: true, customInspect: false, getters: true })], // prettier-ignore
  ['format %s %o %O %j', format('%s %o %O %j', ...Array<unknown>(4).fill(secret(hidden)))],
  ['format without a pattern', format(secret(hidden), nested)],
  ['an error', inspect(new Error('x', { cause: secret(hidden) }))],
  ['a spread copy', JSON.stringify({ ...secret(hidden) })],
  ['entries', JSON.stringify(Object.entries(secret(hidden)))],
]
for (const [way, text] of printed)
  test(`secret › printed by ${way} › the value does not show`, () => {
    assert.doesNotMatch(text, /hunter2/)
  })

for (const way of ['JSON', 'a template', 'inspect'])
  test(`secret › printed by ${way} › shows that it is a secret`, () => {
    assert.match(printed.find(([name]) => name === way)?.[1] ?? '', /\[secret\]/)
  })

test('secret › a failed assertion about it › does not show the value', () => {
  try {
    assert.deepEqual(secret(hidden), { other: 1 })
    assert.fail('did not throw')
  } catch (error) {
    assert.doesNotMatch(inspect(error, { depth: 9 }), /hunter2/)
  }
})

test('secret › revealed › is the very value', () => {
  const value = { a: 1 }
  assert.equal(secret(value).reveal(), value)
})

test('secret › written over › stays as it is', () => {
  const one = secret(hidden)
  assert.throws(() => Object.assign(one, { reveal: () => 'other' }), TypeError)
  assert.equal(one.reveal(), hidden)
})

for (const candidate of [
  '',
  'hunter2',
  `${hidden}x`,
  hidden.replace('2', '3'),
  hidden.toUpperCase(),
])
  test(`isSecret › ${JSON.stringify(candidate)} › is not it`, () => {
    assert.equal(isSecret(secret(hidden), candidate), false)
  })

test('isSecret › the very text › is it', () => {
  assert.equal(isSecret(secret(hidden), hidden), true)
})
