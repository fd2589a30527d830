import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asIssuer } from '../../server/core/ids.ts'
import { isIssuerOf } from '../../server/oidc/issuer-template.ts'
import { testConfig } from '../support/world.ts'

const { tenant } = testConfig('http://localhost', 'https://id.test', { origin: 'http://api.test' })
const guid = '8eaef023-2b34-4da1-9baa-8bc8c9d6a490'
const shared = 'https://login.microsoftonline.com/organizations/v2.0'

const rows = [
  ['https://id.test', 'https://id.test', true],
  ['https://id.test', 'https://id.test/', false],
  ['https://id.test', 'https://other.test', false],
  [shared, `https://login.microsoftonline.com/${guid}/v2.0`, true],
  [shared, `https://login.microsoftonline.com/${guid.toUpperCase()}/v2.0`, true],
  [shared, `https://login.microsoftonline.com/${guid}/v2.0/`, false],
  [shared, `https://login.microsoftonline.com/x/${guid}/v2.0`, false],
  [shared, `https://evil.test/${guid}/v2.0`, false],
  [shared, shared, false],
  [shared, 'https://login.microsoftonline.com//v2.0', false],
] as const

for (const [set, met, isOurs] of rows)
  test(`isIssuerOf › ${met} where ${set} is set › ${isOurs}`, () => {
    const profile = set === shared ? 'entra' : 'generic'
    assert.equal(isIssuerOf(asIssuer(met), { ...tenant, profile, issuer: asIssuer(set) }), isOurs)
  })
