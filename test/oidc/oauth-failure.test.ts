import assert from 'node:assert/strict'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { AuthorizationResponseError, ClientError, ResponseBodyError } from 'openid-client'
import { BrokerError } from '../../server/core/errors.ts'
import {
  loggable,
  oauthErrorCode,
  oauthFailureKind,
  toLoginError,
} from '../../server/oidc/oauth-failure.ts'

const bodyError = (status: number, error: string, description?: string) => {
  const cause = { error, ...(description !== undefined && { error_description: description }) }
  return new ResponseBodyError('server responded', {
    cause,
    response: new Response('', { status }),
  })
}

const callbackError = (parameters: Record<string, string>) =>
  new AuthorizationResponseError('authorization response', {
    cause: new URLSearchParams(parameters),
  })

const clientError = (code?: string) => Object.assign(new ClientError('client'), { code })

const kinds = [
  ['400 invalid_grant', bodyError(400, 'invalid_grant'), 'refused'],
  ['401 invalid_client', bodyError(401, 'invalid_client'), 'refused'],
  ['429', bodyError(429, 'slow_down'), 'unavailable'],
  ['500 that says invalid_grant', bodyError(500, 'invalid_grant'), 'unavailable'],
  ['503', bodyError(503, 'temporarily_unavailable'), 'unavailable'],
  ['an error in the callback', callbackError({ error: 'access_denied' }), 'refused'],
  ['a time-out', clientError('OAUTH_TIMEOUT'), 'unavailable'],
  ['an abort', clientError('OAUTH_ABORT'), 'unavailable'],
  ['a status nobody expects', clientError('OAUTH_RESPONSE_IS_NOT_CONFORM'), 'unavailable'],
  ['HTML', clientError('OAUTH_RESPONSE_IS_NOT_JSON'), 'unavailable'],
  ['half a JSON', clientError('OAUTH_PARSE_ERROR'), 'unavailable'],
  ['a wrong claim', clientError('OAUTH_JWT_CLAIM_COMPARISON_FAILED'), 'invalid'],
  ['a wrong answer', clientError('OAUTH_INVALID_RESPONSE'), 'invalid'],
  ['an error of openid-client without a code', clientError(), 'invalid'],
  ['fetch failed', new TypeError('fetch failed'), 'unavailable'],
  ['any other error', new Error('fetch failed'), 'invalid'],
  ['a text', 'invalid_grant', 'invalid'],
  ['nothing', undefined, 'invalid'],
] as const

for (const [name, error, kind] of kinds)
  test(`oauthFailureKind › ${name} › ${kind}`, () => {
    assert.equal(oauthFailureKind(error), kind)
  })

test('oauthErrorCode › by class alone › a look-alike has none', () => {
  assert.equal(oauthErrorCode(bodyError(400, 'invalid_grant')), 'invalid_grant')
  assert.equal(oauthErrorCode(callbackError({ error: 'access_denied' })), 'access_denied')
  for (const other of [{ error: 'invalid_grant' }, new Error('invalid_grant'), undefined])
    assert.equal(oauthErrorCode(other), undefined)
})

const answers = [
  ['unavailable', bodyError(502, 'bad_gateway'), 'idp_unavailable', undefined],
  ['refused', bodyError(400, 'invalid_grant'), 'login_failed', /: invalid_grant\.$/],
  ['markup as code', callbackError({ error: '<script>' }), 'login_failed', undefined],
  ['a long code', callbackError({ error: 'x'.repeat(65) }), 'login_failed', undefined],
  ['invalid', clientError('OAUTH_INVALID_RESPONSE'), 'login_failed', undefined],
] as const

for (const [name, error, code, detail] of answers)
  test(`toLoginError › ${name} › ${code}, ${detail === undefined ? 'no detail' : 'the code as detail'} (R30)`, () => {
    const failure = toLoginError(error)
    assert.equal(failure.code, code)
    assert.equal(failure.info.retryAfterSeconds === undefined, code === 'login_failed')
    if (detail === undefined) assert.equal(failure.info.detail, undefined)
    else assert.match(failure.info.detail ?? '', detail)
  })

test('toLoginError › one of our own › is kept as it is', () => {
  const own = new BrokerError('login_failed')
  assert.equal(toLoginError(own), own)
})

test('loggable › an answer that repeats the code › says what it was, not the code (R30)', () => {
  const code = '0b5ac8ca-1d3f-4a62-9a58-1a0a6f0c3a55'
  const logged = [
    loggable(bodyError(400, 'invalid_grant', `code ${code}\r\n\u001b[31m is spent`)),
    loggable(callbackError({ error: 'access_denied', code, state: code, error_description: code })),
  ]
  for (const error of logged) {
    const text = `${inspect(error, { depth: 9 })} ${error instanceof Error ? error.message : ''}`
    assert.doesNotMatch(text, /0b5ac8ca|\u001b|\r/)
    assert.match(text, /invalid_grant|access_denied/)
  }
  assert.match(String(logged[0]), /400.*is spent/)
})

test('loggable › a book › its first lines', () => {
  assert.ok(String(loggable(bodyError(400, 'x', 'no '.repeat(9_000)))).length < 400)
})

test('loggable › any other error › itself', () => {
  const other = clientError('OAUTH_TIMEOUT')
  assert.equal(loggable(other), other)
})
