import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RequireOptions } from '../../server/token-validation/options.ts'
import { requireAccessToken } from '../../server/token-validation/require-access-token.ts'
import { audience } from './token-issuer.ts'

const issuer = 'https://id.example'
const origin = 'https://orders.example'

/** As JavaScript has them: no compiler has looked. */
const made = (over: object) => requireAccessToken({ issuer, audience, ...over })

for (const [name, over] of [
  ['no issuer', { issuer: undefined }],
  ['an empty issuer', { issuer: '' }],
  ['no audience', { audience: undefined }],
  ['an audience among others that is empty', { audience: [audience, ''] }],
  ['a misspelt option', { scope: ['orders'] }],
  ['a misspelt audience beside the right one', { audiences: ['billing'] }],
  ['a role as a text', { roles: 'admin' }],
  ['roles that are null', { roles: null }],
  ['roles without a rule', { roles: {} }],
  ['a rule of roles that is misspelt', { roles: { anyOf: ['admin'] } }],
  ['a rule of roles that is a text', { roles: { any: 'admin' } }],
  ['all of no roles', { roles: { all: [] } }],
  ['a role that is empty', { roles: [''] }],
  ['a scope as a text', { scopes: 'orders' }],
  ['no scopes', { scopes: [] }],
  ['two scopes in one text', { scopes: ['orders more'] }],
  ['a scope that is undefined', { scopes: [undefined] }],
  ['an empty tenant', { tenant: '' }],
  ['a list of tenants', { tenant: ['acme'] }],
  ['another typ', { typ: 'JWT' }],
  ['an unknown profile', { profile: 'keycloack' }],
  ['a profile of every object', { profile: 'constructor' }],
  ['algorithms as a text', { algorithms: 'RS256' }],
  ['a tolerance as a text', { clockToleranceSeconds: '5' }],
  ['a tolerance that is no number', { clockToleranceSeconds: NaN }],
  ['a timeout that is no number', { timeoutMs: NaN }],
  ['allowHttp as a text', { allowHttp: 'true' }],
  ['a realm with a quote', { realm: 'a"b' }],
  ['a realm with a line break', { realm: 'a\r\nX-A: b' }],
  ['a rolesClaim that is empty', { rolesClaim: '' }],
  ['dpop that is true', { dpop: true }],
  ['dpop without origin', { dpop: {} }],
  ['dpop of no origins', { dpop: { origin: [] } }],
  ['dpop with a path', { dpop: { origin: `${origin}/api` } }],
  ['dpop of an opaque origin', { dpop: { origin: 'orders:service' } }],
  ['dpop required as a text', { dpop: { origin, required: 'true' } }],
  ['an age of proofs that is no number', { dpop: { origin, maxAgeSeconds: NaN } }],
  ['an age of proofs without end', { dpop: { origin, maxAgeSeconds: Infinity } }],
  ['a misspelt option of dpop', { dpop: { origin, require: true } }],
] as const)
  test(`requireAccessToken › ${name} › throws when it is made`, () => {
    assert.throws(() => made(over), TypeError)
  })

test('requireAccessToken › options that are not there at all › throws when it is made', () => {
  assert.throws(() => requireAccessToken(undefined as unknown as RequireOptions), TypeError)
})

for (const over of [
  { audience: ['orders', 'https://orders.example'] },
  { roles: [] },
  { roles: { read: ['r'], write: undefined } },
  { scopes: undefined, tenant: undefined },
  { rolesClaim: ['roles', ['resource_access', 'my.app', 'roles']] },
  { dpop: { origin: [origin, 'http://127.0.0.1:8080'], required: true, maxAgeSeconds: 300 } },
  { onRefused: () => undefined, realm: 'orders, all of them' },
])
  test(`requireAccessToken › ${JSON.stringify(over)} › is made`, () => {
    assert.equal(typeof made(over), 'function')
  })
