import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allowRules } from '../../server/config/allow-rules.ts'
import { loaded, problems, provider, warnings } from './loading.ts'

const tid = '72f988bf-86f1-41af-91ab-2d7cd011db47'

const taken: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  ['domain:example.com', [['domain', 'example.com']]],
  ['domain:Example.COM', [['domain', 'example.com']]],
  ['domain:xn--bcher-kva.example', [['domain', 'xn--bcher-kva.example']]],
  ['domain:bücher.example', [['domain', 'bücher.example']]],
  [' domain: example.com ,role:admin', [['domain', 'example.com'], ['role', 'admin']]], // prettier-ignore
  ['group:/staff/Night shift', [['group', '/staff/Night shift']]],
  ['group:CN=staff%2cOU=apps%2CDC=x', [['group', 'CN=staff,OU=apps,DC=x']]],
  ['group:100%25', [['group', '100%']]],
  ['group:%252C', [['group', '%2C']]],
  ['role:urn:example:admin', [['role', 'urn:example:admin']]],
  [`tid:${tid.toUpperCase()}`, [['tid', tid]]],
]

for (const [text, rules] of taken)
  test(`allowRules › ${text} › ${JSON.stringify(rules)}`, () => {
    const parsed = allowRules(text)
    assert.ok(parsed.ok)
    assert.deepEqual(
      parsed.value.map(({ kind, value }) => [kind, value]),
      rules,
    )
  })

const refused = [
  ['example.com', 'begins with none of domain:, group:, role:, tid:'],
  ['email:a@example.com', 'begins with none of'],
  ['Domain:example.com', 'begins with none of'],
  ['__proto__:x', 'begins with none of'],
  ['constructor:x', 'begins with none of'],
  ['domain:', 'is no domain'],
  ['domain:@example.com', 'is no domain'],
  ['domain:*.example.com', 'is no domain'],
  ['domain:.example.com', 'is no domain'],
  ['domain:example.com.', 'is no domain'],
  ['domain:localhost', 'is no domain'],
  ['domain:a b.example', 'is no domain'],
  ['group:', 'has no value'],
  ['group:50%', 'has no value, or a %'],
  ['group:a%0Ab', 'has no value, or a %'],
  ['role:a\u0007b', 'has no value'],
  ['tid:common', 'is no GUID'],
  [`tid:${tid}0`, 'is no GUID'],
] as const

for (const [text, reason] of refused)
  test(`allowRules › ${JSON.stringify(text)} among good rules › refused, and the rule is named`, () => {
    const parsed = allowRules(`role:admin, ${text}`)
    assert.ok(!parsed.ok)
    assert.ok(parsed.reason.startsWith(`has the rule ${JSON.stringify(text)}, which `))
    assert.ok(parsed.reason.includes(reason), parsed.reason)
  })

test('allowRules › a rule of a thousand characters › named by its beginning', () => {
  const parsed = allowRules(`x${'y'.repeat(1_000)}`)
  assert.ok(!parsed.ok && parsed.reason.length < 200)
})

test('loadConfig › OIDC_ALLOW unset › everyone; set › its rules', () => {
  assert.equal(loaded(provider).tenant?.allow, undefined)
  const { tenant } = loaded({ ...provider, OIDC_ALLOW: 'role:admin' })
  assert.deepEqual(tenant?.allow, [{ kind: 'role', value: 'admin' }])
})

test('loadConfig › OIDC_ALLOW with a bad rule › the start names it', () => {
  const [found] = problems({ ...provider, OIDC_ALLOW: 'group:staff, domain:@example.com' })
  assert.match(found ?? '', /^OIDC_ALLOW has the rule "domain:@example.com", which is no domain/)
})

test('loadConfig › a domain rule with the profile entra › a warning: Entra vouches for none by itself', () => {
  const domain = { ...provider, OIDC_ALLOW: 'domain:example.com' }
  assert.match(warnings({ ...domain, OIDC_PROFILE: 'entra' }).join(), /xms_edov/)
  assert.deepEqual(warnings(domain), [])
  const byTid = { ...provider, OIDC_PROFILE: 'entra', OIDC_ALLOW: `tid:${tid}` }
  assert.deepEqual(warnings({ ...byTid, OIDC_SCOPE: 'openid offline_access' }), [])
})

test('loadConfig › OIDC_FRONTCHANNEL › off by default; on, what names the session goes by profile', () => {
  assert.equal(loaded(provider).tenant?.frontchannel, undefined)
  const on = { ...provider, OIDC_FRONTCHANNEL: 'on' }
  assert.equal(loaded(on).tenant?.frontchannel, 'iss_and_sid')
  assert.equal(loaded({ ...on, OIDC_PROFILE: 'keycloak' }).tenant?.frontchannel, 'iss_and_sid')
  assert.equal(loaded({ ...on, OIDC_PROFILE: 'entra' }).tenant?.frontchannel, 'sid_alone')
})

test('loadConfig › form_post with plain http › a warning; with https › none', () => {
  const posted = { ...provider, OIDC_RESPONSE_MODE: 'form_post' }
  assert.match(warnings({ ...posted, BASE_URL: 'http://localhost:3000' }).join(), /Safari/)
  assert.deepEqual(warnings({ ...posted, BASE_URL: 'https://app.test' }), [])
})
