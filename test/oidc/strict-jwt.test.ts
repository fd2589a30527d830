import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasDuplicateNames } from '../../server/oidc/strict-jwt.ts'

const table: readonly (readonly [json: string, duplicate: boolean])[] = [
  ['{"a":1,"a":2}', true],
  ['{"a":1,"b":{"a":2}}', false],
  ['{"b":{"a":1,"a":1}}', true],
  ['[{"a":1},{"a":1}]', false],
  ['{"l":[{"a":1},{"a":1}],"a":1}', false],
  ['{"l":[{"a":1},{"a":1}],"a":1,"l":0}', true],
  ['{"a":"a","b":"a"}', false],
  ['{"a":["a","a"]}', false],
  [String.raw`{"a":1,"\u0061":2}`, true],
  [String.raw`{"a":"\",\"a\":1","b":2}`, false],
  [String.raw`{"a\\":1,"a\\":2}`, true],
  ['{"a" : 1,\n"a"\t:2}', true],
  ['{"":1,"":2}', true],
  ['{"__proto__":1,"__proto__":2}', true],
  ['{"a":1,"A":2}', false],
  ['{}', false],
]

for (const [json, duplicate] of table)
  test(`hasDuplicateNames › ${json} › ${duplicate}`, () => {
    assert.equal(hasDuplicateNames(json), duplicate)
  })

test('hasDuplicateNames › any value of JSON, written by JSON.stringify › false', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      assert.equal(hasDuplicateNames(JSON.stringify(value)), false)
    }),
  )
})

test('hasDuplicateNames › an object with its first member again at its end › true', () => {
  const members = fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1, noNullPrototype: true })
  fc.assert(
    fc.property(members, (value) => {
      const [name = ''] = Object.keys(value)
      const again = `${JSON.stringify(value).slice(0, -1)},${JSON.stringify(name)}:0}`
      assert.equal(hasDuplicateNames(again), true)
    }),
  )
})
