import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sameValue } from '../../server/core/same-value.ts'
import { secret } from '../../server/core/secret.ts'

const rows: readonly (readonly [what: string, one: unknown, other: unknown, same: boolean])[] = [
  ['texts', 'a', 'a', true],
  ['a number and its text', 1, '1', false],
  ['lists', ['a', ['b']], ['a', ['b']], true],
  ['lists in another order', ['a', 'b'], ['b', 'a'], false],
  ['a list and its beginning', ['a', 'b'], ['a'], false],
  ['tables in another order', { a: 1, b: { c: 2 } }, { b: { c: 2 }, a: 1 }, true],
  ['a key more', { a: 1 }, { a: 1, b: 2 }, false],
  ['a key that says nothing', { a: 1 }, { a: 1, b: undefined }, true],
  ['a table and a list', { 0: 'a' }, ['a'], false],
  ['nothing and an empty table', null, {}, false],
  ['equal secrets', { s: secret('x') }, { s: secret('x') }, true],
  ['different secrets', { s: secret('x') }, { s: secret('y') }, false],
  ['secrets of lists', secret([{ d: '1' }]), secret([{ d: '2' }]), false],
  ['a secret and its text', secret('x'), 'x', false],
  ['a secret and an empty table', {}, secret('x'), false],
  ['dates, which it does not know', new Date(0), new Date(0), false],
  ['functions', () => 1, () => 1, false],
]
for (const [what, one, other, same] of rows)
  test(`sameValue › ${what} › ${same ? 'the same' : 'not the same'}`, () => {
    assert.equal(sameValue(one, other), same)
    assert.equal(sameValue(other, one), same)
  })
