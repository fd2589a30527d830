import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { asRecordId } from '../../server/core/ids.ts'
import { jitteredAhead } from '../../server/refresh/jitter.ts'

test('jitteredAhead › a thousand sessions › spread over the last quarter, each always the same', () => {
  const ids = Array.from({ length: 1_000 }, () => asRecordId(randomBytes(32).toString('base64url')))
  const aheads = ids.map((id) => jitteredAhead(40, id))
  assert.deepEqual(
    aheads,
    ids.map((id) => jitteredAhead(40, id)),
  )
  assert.ok(aheads.every((ahead) => ahead > 30 && ahead <= 40))
  assert.ok(new Set(aheads).size > 40)
})
