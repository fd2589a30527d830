import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Env } from '../../server/config/reader.ts'
import { loaded, problems, provider } from './loading.ts'

const given = (keys: string, env: Env = {}) =>
  [
    { ...env, CONFIG_FILE: 'r.yaml' },
    { 'r.yaml': `routes: [{path: /a, upstream: "http://a.test", ${keys}}]` },
  ] as const

const kinds = ['user', 'optional', 'service', 'exchange', 'none'] as const
for (const kind of kinds)
  test(`CONFIG_FILE › token: ${kind} with audience, resource and scope › is taken as written`, () => {
    const keys = `token: ${kind}, audience: a, resource: "https://a.test/", scope: "x y"`
    const [route] = loaded(...given(keys)).routes
    const { token, audience, resource, scope } = route ?? {}
    assert.deepEqual([token, audience, resource, scope], [kind, 'a', 'https://a.test/', 'x y'])
  })

const wrong: readonly (readonly [keys: string, place: string, fault: string])[] = [
  ['token: exchange', 'token', 'exchange needs audience, resource or scope: a token for what'],
  ['token: service, public: true', 'public', 'takes token: none or token: optional'],
  ['token: exchange, scope: x, public: true', 'public', 'takes token: none or token: optional'],
  ['token: user, public: true', 'public', 'takes token: none or token: optional'],
  ['resource: "/orders"', 'resource', 'is not an absolute URI without fragment'],
  ['resource: "https://a.test/#x"', 'resource', 'is not an absolute URI without fragment'],
  ['scope: " x"', 'scope', 'must be scopes with one blank between them'],
  ['scope: "x  y"', 'scope', 'must be scopes with one blank between them'],
  ['scope: \'x "y"\'', 'scope', 'must be scopes with one blank between them'],
]
for (const [keys, place, fault] of wrong)
  test(`CONFIG_FILE › ${keys} (RI-2-a) › is refused at its place`, () => {
    assert.deepEqual(problems(...given(keys)), [`CONFIG_FILE routes[0].${place} ${fault}`])
  })

for (const keys of ['token: service', 'token: service, require: {roles: {any: [x]}}'])
  test(`CONFIG_FILE › ${keys} › a session is needed all the same`, () => {
    const [route] = loaded(...given(keys)).routes
    assert.equal(route?.public, false)
  })

const entra = { ...provider, OIDC_PROFILE: 'entra' }
const publicClient = {
  OIDC_ISSUER: 'https://id.test',
  OIDC_CLIENT_ID: 'bff',
  OIDC_CLIENT_AUTH: 'none',
  OIDC_ALLOW_PUBLIC_CLIENT: 'true',
}
const unfit: readonly (readonly [keys: string, env: Env, fault: string])[] = [
  ['token: service', entra, 'scope is missing: entra gives no token without one'],
  ['token: exchange, audience: x', entra, 'scope is missing: entra gives no token without one'],
  ['token: user, resource: "https://a.test"', entra, 'resource is refused by entra: name it in scope'],
  ['token: service', publicClient, 'token service needs a client that can prove itself'],
  ['token: exchange, scope: x', publicClient, 'token exchange needs a client that can prove itself'],
] // prettier-ignore
for (const [keys, env, fault] of unfit)
  test(`CONFIG_FILE › ${keys} at ${env['OIDC_PROFILE'] ?? 'a public client'} › is refused: ${fault}`, () => {
    assert.deepEqual(problems(...given(keys, env)), [`CONFIG_FILE routes[0].${fault}`])
  })
