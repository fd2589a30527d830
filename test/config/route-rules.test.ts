import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Route } from '../../server/config/config.ts'
import { certificateAuthority } from '../support/certificates.ts'
import type { Files } from './loading.ts'
import { loaded, problems } from './loading.ts'

const given = (text: string, files: Files) =>
  [{ CONFIG_FILE: 'routes.yaml' }, { 'routes.yaml': text, ...files }] as const
const routesOf = (text: string, files: Files = {}): readonly Route[] =>
  loaded(...given(text, files)).routes
const faults = (text: string, files: Files = {}): readonly string[] =>
  problems(...given(text, files)).map((line) => line.replace(/^CONFIG_FILE /, ''))

/** One route of the least, with more in flow style. */
const route = (more: string) => `routes: [{path: /a, upstream: "http://a.test", ${more}}]`

const { ca } = certificateAuthority()
const withCa = 'routes: [{path: /a, upstream: "https://a.test", tls: {ca: "${file:/ca}"}}]'

test('CONFIG_FILE › tls.ca › is taken as PEM text, one certificate or several with words between', () => {
  for (const text of [ca, `# the old one\n${ca}\n# the new one\n${ca}`]) {
    const [found] = routesOf(withCa, { '/ca': text })
    assert.equal(found?.tls?.ca, text.trim())
  }
})

const badPem: readonly (readonly [name: string, text: string, fault: string])[] = [
  ['a word', 'hunter2', 'is not a certificate as PEM text'],
  ['a certificate cut off', ca.slice(0, 200), 'is not a certificate as PEM text'],
  ['one that is whole and one cut off', `${ca}${ca.slice(0, 200)}`, 'has a certificate that cannot be read in its PEM text'], // prettier-ignore
  ['a certificate with a byte missing', ca.replace(/\n./, '\n'), 'has a certificate that cannot be read in its PEM text'], // prettier-ignore
  ['a key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----', 'is not a certificate as PEM text'], // prettier-ignore
]
for (const [name, text, fault] of badPem)
  test(`CONFIG_FILE › tls.ca of ${name} › is refused with its place`, () => {
    assert.deepEqual(faults(withCa, { '/ca': text }), [`routes[0].tls.ca ${fault}`])
  })

const ownHeaders = ['Authorization', 'cookie', 'DPoP', 'Forwarded', 'Via', 'X-Request-ID', 'traceparent', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'x-forwarded', 'X-Original-URL', 'X-HTTP-Method-Override', 'X-CSRF-Token', 'Connection', 'Transfer-Encoding', 'TE', 'Upgrade', 'Host', 'Content-Length', 'Content-Type', 'Expect', 'Proxy-Authorization', 'Proxy', 'Sec-WebSocket-Key', 'Max-Forwards'] // prettier-ignore
for (const name of ownHeaders)
  test(`CONFIG_FILE › headers with ${name} › is refused: it is not the route's to set`, () => {
    const fault = `routes[0].headers.${name} is a header that the broker or the connection sets`
    assert.deepEqual(faults(route(`headers: { ${name}: "{claims.sub}" }`)), [fault])
  })

const noName = 'is not a name for a header (nor may it have a _)'
const noBrace = 'has a brace that belongs to no {claims.name}'
const badHeaders: readonly (readonly [entry: string, place: string, fault: string])[] = [
  ['X_User: "{claims.sub}"', '.X_User', noName],
  ['"X User": "{claims.sub}"', '.X User', noName],
  ['"": "{claims.sub}"', '.', noName],
  ['"X-É": "{claims.sub}"', '.X-É', noName],
  ['X-A: "{claims.sub"', '.X-A', noBrace],
  ['X-A: "{claim.sub}"', '.X-A', noBrace],
  ['X-A: "{claims.}"', '.X-A', noBrace],
  ['X-A: "{{claims.sub}}"', '.X-A', noBrace],
  ['X-A: ""', '.X-A', 'is empty'],
  ['X-A: "é{claims.sub}"', '.X-A', 'has a line break, or another character no header has'],
  ['X-A: "a\\nb"', '.X-A', 'has a line break, or another character no header has'],
  ['X-A: 5', '.X-A', 'is a number, and must be a text'],
  ['X-A: a, x-a: b', '', 'has one name twice'],
]
for (const [entry, place, fault] of badHeaders)
  test(`CONFIG_FILE › headers with ${entry} › is refused with its place`, () => {
    assert.deepEqual(faults(route(`headers: { ${entry} }`)), [`routes[0].headers${place} ${fault}`])
  })

for (const text of ['0/s', '100', '100/h', '1.5/s', '-1/s', '/s'])
  test(`CONFIG_FILE › limits.rate ${text} › is refused`, () => {
    const fault = 'routes[0].limits.rate must be written like 100/s'
    assert.deepEqual(faults(route(`limits: { rate: "${text}" }`)), [fault])
  })

test('CONFIG_FILE › limits.concurrent 0 › is refused', () => {
  const [found = ''] = faults(route('limits: { concurrent: 0 }'))
  assert.match(found, /^routes\[0\]\.limits\.concurrent is less than 1/)
})

const noRule = 'has no rule'
const noWord = 'must be one word, without quotes'
const badRules: readonly (readonly [text: string, place: string, fault: string])[] = [
  ['require: {}', '', noRule],
  ['require: { roles: {} }', '.roles', noRule],
  ['require: { roles: { any: [] } }', '.roles.any', 'is empty'],
  ['require: { roles: { some: [a] } }', '.roles', 'has unknown keys: some'],
  ['require: { role: [a] }', '', 'has unknown keys: role'],
  ['require: { scopes: [] }', '.scopes', 'is empty'],
  ['require: { scopes: ["a b"] }', '.scopes[0]', noWord],
  ['require: { acr: [] }', '.acr', 'is empty'],
  ['require: { acr: ["a b"] }', '.acr[0]', noWord],
  ["require: { acr: ['a\"b'] }", '.acr[0]', noWord],
  ['require: { max_age: 0 }', '.max_age', 'is less than 1'],
  ['require: { max_age: -5 }', '.max_age', 'is less than 1'],
  ['require: { max_age: 1.5 }', '.max_age', 'is a number, and must be a whole number'],
  ['require: { max_age: 5 }, public: true, token: none', '', 'is for routes that need a session'],
]
for (const [text, place, fault] of badRules)
  test(`CONFIG_FILE › ${text} › is refused with its place`, () => {
    const found = faults(route(text))
    assert.equal(found[0]?.startsWith(`routes[0].require${place} ${fault}`), true, found.join())
  })

test('CONFIG_FILE › require › is taken as written', () => {
  const rules =
    'require: { roles: { all: [a], read: [b, c] }, scopes: ["api://x/y"], acr: ["1"], max_age: 1 }'
  assert.deepEqual(routesOf(route(rules))[0]?.require, {
    roles: { all: ['a'], read: ['b', 'c'] },
    scopes: ['api://x/y'],
    acr: ['1'],
    maxAgeSeconds: 1,
  })
})
