import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { format } from 'prettier'
import { conformanceDocs, testsByRequirement } from '../../scripts/write-conformance-docs.ts'

test('docs/conformance.md › the table of requirements › is what the tests carry', async () => {
  const written = await format(conformanceDocs(), { parser: 'markdown', printWidth: 100 })
  assert.equal(readFileSync('docs/conformance.md', 'utf8'), written)
})

const owed = ['R5', 'R6', 'R7', 'R8', 'R10', 'R11', 'R12', 'R13', 'R14', 'R15', 'R18', 'R20', 'R22', 'R24', 'R28'] // prettier-ignore

test('conformance › the red-team cases of login, session and token life › each has a test', () => {
  const tests = testsByRequirement()
  assert.deepEqual(
    owed.filter((id) => !tests.has(id)),
    [],
  )
})
