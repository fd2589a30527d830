import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../server/core/errors.ts'
import { asksForMore, parseLoginRequest } from '../../server/login/login-request.ts'

const door = { origin: 'https://app.example', issuer: 'https://id.example', tenant: 'default' }
const parse = (query: string) => parseLoginRequest(new URLSearchParams(query), door)
const nothing = {
  prompt: undefined,
  acrValues: undefined,
  maxAgeSeconds: undefined,
  loginHint: undefined,
  uiLocales: undefined,
}

const good = [
  ['', { returnTo: '/' }],
  ['unknown=1&state=x', { returnTo: '/' }],
  ['return_to=/a', { returnTo: '/a' }],
  ['target_link_uri=/a', { returnTo: '/a' }],
  ['target_link_uri=https://app.example/a?b%23c', { returnTo: '/a?b#c' }],
  ['target_link_uri=https://APP.example:443/a', { returnTo: '/a' }],
  ['return_to=/a&target_link_uri=https://evil.test', { returnTo: '/a' }],
  ['iss=https://id.example', { returnTo: '/' }],
  ['tenant=default', { returnTo: '/' }],
  ['retry=1', { returnTo: '/', retry: true }],
  ['step_up=0123456789-_abcdefghij', { returnTo: '/', stepUpHandle: '0123456789-_abcdefghij' }],
  ['claims={}', { returnTo: '/' }],
  ['retry=true', { returnTo: '/' }],
  ['prompt=none', { returnTo: '/', wish: { prompt: 'none' } }],
  ['prompt=login+select_account', { returnTo: '/', wish: { prompt: 'login select_account' } }],
  ['max_age=0', { returnTo: '/', wish: { maxAgeSeconds: 0 } }],
  ['max_age=0900', { returnTo: '/', wish: { maxAgeSeconds: 900 } }],
  ['acr_values=a+b', { returnTo: '/', wish: { acrValues: 'a b' } }],
  ['acr_values=&login_hint=&ui_locales=', { returnTo: '/' }],
  [`login_hint=${'x'.repeat(1_024)}`, { returnTo: '/', wish: { loginHint: 'x'.repeat(1_024) } }],
  ['ui_locales=de-CH', { returnTo: '/', wish: { uiLocales: 'de-CH' } }],
] as const

for (const [query, expected] of good)
  test(`parseLoginRequest › ${query.slice(0, 60)} › ${JSON.stringify(expected).slice(0, 60)}`, () => {
    const { wish, ...rest } = { wish: {}, ...expected }
    assert.deepEqual(parse(query), {
      retry: false,
      stepUpHandle: undefined,
      ...rest,
      wish: { ...nothing, ...wish },
    })
  })

const bad = [
  ['return_to=//evil.test', 'invalid_return_to'],
  ['return_to=', 'invalid_return_to'],
  ['return_to=/a&return_to=/a', 'invalid_return_to'],
  ['target_link_uri=https://app.example.evil.test/', 'invalid_return_to'],
  ['target_link_uri=http://app.example/', 'invalid_return_to'],
  ['target_link_uri=https://app.example:8443/', 'invalid_return_to'],
  ['target_link_uri=https://app.example//evil.test', 'invalid_return_to'],
  ['target_link_uri=https://app.example@evil.test/', 'invalid_return_to'],
  ['target_link_uri=javascript:alert(1)', 'invalid_return_to'],
  ['target_link_uri=', 'invalid_return_to'],
  ['iss=', 'invalid_parameter'],
  ['iss=https://id.example/', 'invalid_parameter'],
  ['iss=https://ID.example', 'invalid_parameter'],
  ['tenant=Default', 'unknown_tenant'],
  ['tenant=__proto__', 'unknown_tenant'],
  ['prompt=', 'invalid_parameter'],
  ['prompt=LOGIN', 'invalid_parameter'],
  ['prompt=login++consent', 'invalid_parameter'],
  ['prompt=login+none', 'invalid_parameter'],
  ['prompt=toString', 'invalid_parameter'],
  ['max_age=', 'invalid_parameter'],
  ['max_age=-0', 'invalid_parameter'],
  ['max_age=1.5', 'invalid_parameter'],
  ['max_age=0x10', 'invalid_parameter'],
  ['max_age=+1', 'invalid_parameter'],
  ['max_age=1%0A', 'invalid_parameter'],
  ['login_hint=a%7F', 'invalid_parameter'],
  ['ui_locales=a%0Ab', 'invalid_parameter'],
  [`acr_values=${'x'.repeat(1_025)}`, 'invalid_parameter'],
  ['retry=1&retry=1', 'invalid_parameter'],
] as const

for (const [query, code] of bad)
  test(`parseLoginRequest › ${query.slice(0, 60)} › ${code} (OIDC-4-a, R5)`, () => {
    assert.throws(
      () => parse(query),
      (error) => error instanceof BrokerError && error.code === code,
    )
  })

const wishes = [
  [{}, false],
  [{ prompt: 'none' }, false],
  [{ loginHint: 'ada', uiLocales: 'de' }, false],
  [{ prompt: 'login' }, true],
  [{ prompt: 'create' }, true],
  [{ acrValues: 'mfa' }, true],
  [{ maxAgeSeconds: 0 }, true],
] as const

for (const [wish, more] of wishes)
  test(`asksForMore › ${JSON.stringify(wish)} › ${more}`, () => {
    assert.equal(asksForMore(wish), more)
  })
