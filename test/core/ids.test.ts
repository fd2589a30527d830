import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nowSeconds } from '../../server/core/clock.ts'
import { parseSessionId } from '../../server/core/ids.ts'
import { systemRandom } from '../../server/core/random.ts'

const id = 'A'.repeat(41) + '-_'

test('parseSessionId › 43 characters of base64url › is an id', () => {
  assert.equal(parseSessionId(id), id)
})

test('parseSessionId › what the random source gives › is an id, never the same twice', () => {
  const ids = Array.from({ length: 100 }, () => systemRandom.token(32))
  assert.ok(ids.every((text) => parseSessionId(text) === text))
  assert.equal(new Set(ids).size, 100)
})

const strange = ['', id.slice(1), `${id}A`, `${id}\n`, ` ${id}`, id.replace('-', '+'), id.replace('-', '='), id.replace('-', '*'), id.replace('-', '\u0000'), id.replace('-', 'é'), '../../etc/passwd'.padEnd(43, 'x'), '{tag}:session'.padEnd(43, 'x'), '__proto__'] // prettier-ignore
for (const text of strange)
  test(`parseSessionId › ${JSON.stringify(text)} › is none`, () => {
    assert.equal(parseSessionId(text), undefined)
  })

test('systemRandom › bytes › as many as asked for', () => {
  assert.equal(systemRandom.bytes(32).length, 32)
})

test('nowSeconds › a part of a second › is left out', () => {
  assert.equal(nowSeconds({ nowMs: () => 1_999 }), 1)
})
