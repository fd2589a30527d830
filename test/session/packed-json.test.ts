import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { packJson, unpackJson } from '../../server/session/packed-json.ts'

test('packJson › any value › comes back as it was', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), fc.string({ maxLength: 2_000 }), (value, text) => {
      const record = { value, text }
      assert.deepEqual(unpackJson(packJson(record)), JSON.parse(JSON.stringify(record)))
    }),
  )
})

test('packJson › a vault of base64 tokens › is at least a fifth shorter', () => {
  const token = (bytes: number) => randomBytes((bytes * 3) / 4).toString('base64url')
  const vault = { idToken: token(980), refreshToken: token(736), accessToken: token(1_032) }
  const packed = packJson(vault).length
  const plain = JSON.stringify(vault).length
  assert.ok(packed < plain * 0.8, `${packed} of ${plain} bytes`)
})

test('unpackJson › a record stored before records were packed › is read', () => {
  assert.deepEqual(unpackJson(Buffer.from('{"a":1}')), { a: 1 })
})
