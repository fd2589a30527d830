import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { format } from 'prettier'
import {
  conformanceDocs,
  requirements,
  testsByRequirement,
} from '../../scripts/write-conformance-docs.ts'

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

const gateway = ['R1', 'R2', 'R3', 'R4', 'R19', 'R20', 'R21', 'R26', 'R27', 'HTTP-7.6.1-a', 'HTTP-7.6.1-b', 'HTTP-7.6.1-c', 'HTTP-7.6.3-a', 'HTTP-7.7-a', 'HTTP-10.1.4-a', 'HTTP-6.5-a', 'HTTP-7.8-a', 'HTTP-10.1.1-a', 'HTTP-15.2-a', 'HTTP-15.6.3-a', 'HTTP-15.6.5-a', 'HTTP-15.5.2-a', 'HTTP-15.5.6-a', 'HTTP-9.3.8-a', 'MSG-3.2-a', 'MSG-3.2.2-a', 'MSG-6.3-a', 'MSG-6.3-b', 'MSG-8-a', 'MSG-5.1-a', 'MSG-9.3.1-a', 'CACHE-3.5-a', 'CACHE-x', 'FWD-a', 'COOK-up', 'COOK-down', 'HDR-down', 'LOC-a'] // prettier-ignore

test('conformance › what HTTP asks of a gateway, and the red-team cases of one › each has a test', () => {
  const tests = testsByRequirement()
  assert.deepEqual(
    gateway.filter((id) => !tests.has(id)),
    [],
  )
})

const ofOpenIdConnect = /^(?:OIDC|OIDCD|RPL|BCL|FCL|SM)-|^R(?:9|16|17|29)$/
const ofTokens = /^(?:REV|INT|TX|RI|AT|STEP|BT)-/

for (const [what, owedIds] of [
  ['OpenID Connect with its logouts', ofOpenIdConnect],
  ['tokens of every kind', ofTokens],
] as const)
  test(`conformance › ${what} › each requirement has a test`, () => {
    const tests = testsByRequirement()
    const ids = Object.keys(requirements).filter((id) => owedIds.test(id))
    assert.ok(ids.length > 10, ids.join(' '))
    assert.deepEqual(
      ids.filter((id) => !tests.has(id)),
      [],
    )
  })
