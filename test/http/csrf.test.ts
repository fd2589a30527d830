import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSessionId } from '../../server/core/ids.ts'
import { systemRandom } from '../../server/core/random.ts'
import { secret } from '../../server/core/secret.ts'
import type { Caller } from '../../server/http/caller.ts'
import { isSafeMethod, requireCsrf, sentCsrfToken } from '../../server/http/csrf.ts'
import { keyedHash } from '../../server/http/keyed-hash.ts'
import { request } from './request.ts'

const newId = () => {
  const id = parseSessionId(systemRandom.token(32))
  if (id === undefined) throw new Error('not an id')
  return id
}
const [a, b] = [newId(), newId()]
const secrets = [secret('newest'.repeat(6)), secret('older'.repeat(7))]
const hash = keyedHash(secrets)
const token = hash.of('csrf', a)

/** What becomes of a call of session A. */
const verdict = (method: string, caller: Caller, sent: string | undefined): string => {
  try {
    requireCsrf(hash, { method, caller, token: sent, sessionId: a })
    return 'passes'
  } catch (error) {
    return error instanceof Error ? error.message : 'no error'
  }
}

const verdicts: readonly (readonly [Caller, string | undefined, safe: string, unsafe: string])[] = [
  ['app', token, 'passes', 'passes'],
  ['app', undefined, 'passes', 'csrf_missing'],
  ['app', '', 'passes', 'csrf_missing'],
  ['app', 'wrong', 'passes', 'csrf_invalid'],
  ['unknown', token, 'passes', 'passes'],
  ['unknown', undefined, 'csrf_missing', 'csrf_missing'],
  ['unknown', 'wrong', 'csrf_invalid', 'csrf_invalid'],
]
for (const [caller, sent, safe, unsafe] of verdicts) {
  const name = sent === token ? 'the token' : JSON.stringify(sent)
  for (const method of ['GET', 'HEAD', 'OPTIONS'])
    test(`requireCsrf › ${method}, caller ${caller}, ${name} › ${safe}`, () => {
      assert.equal(verdict(method, caller, sent), safe)
    })
  for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'QUERY', 'get'])
    test(`requireCsrf › ${method}, caller ${caller}, ${name} › ${unsafe}`, () => {
      assert.equal(verdict(method, caller, sent), unsafe)
    })
}

test('requireCsrf › BBA-6.1.3.3.3-a the token of session A with the cookie of B › csrf_invalid', () => {
  const call = { method: 'POST', caller: 'app', token, sessionId: b } as const
  assert.throws(() => requireCsrf(hash, call), { code: 'csrf_invalid' })
})

test('isSafeMethod › a method that is none, or new › is unsafe', () => {
  for (const method of [undefined, '', 'TRACE', 'PROPFIND', 'toString'])
    assert.equal(isSafeMethod(method), false)
})

const sentRows = [
  [{ 'x-csrf-token': '1', 'x-xsrf-token': '2' }, '1'],
  [{ 'x-xsrf-token': '2' }, '2'],
  [{ 'x-csrf-token': '', 'x-xsrf-token': '2' }, ''],
  [{}, undefined],
] as const
for (const [headers, sent] of sentRows)
  test(`sentCsrfToken › ${JSON.stringify(headers)} › ${sent}`, () => {
    assert.equal(sentCsrfToken(request(headers)), sent)
  })

test('keyedHash › one text › 256 bits in base64url, the same at every call', () => {
  assert.match(token, /^[A-Za-z0-9_-]{43}$/)
  assert.equal(hash.of('csrf', a), token)
})

const mistaken: readonly (readonly [string, boolean])[] = [
  ['the token', hash.matches('csrf', a, token)],
  ["another session's", hash.matches('csrf', a, hash.of('csrf', b))],
  ['that of another purpose', hash.matches('csrf', a, hash.of('logout', a))],
  ['the session id itself', hash.matches('csrf', a, a)],
  ['padded', hash.matches('csrf', a, `${token}=`)],
  ['with a line end', hash.matches('csrf', a, `${token}\n`)],
  ['in plain base64', hash.matches('csrf', a, Buffer.from(token, 'base64url').toString('base64'))],
  ['one character short', hash.matches('csrf', a, token.slice(1))],
  ['one bit off', hash.matches('csrf', a, (token.startsWith('A') ? 'B' : 'A') + token.slice(1))],
  ['empty', hash.matches('csrf', a, '')],
]
for (const [name, matches] of mistaken)
  test(`keyedHash › a candidate: ${name} › ${matches ? 'matches' : 'does not match'}`, () => {
    assert.equal(matches, name === 'the token')
  })

test('keyedHash › secrets in rotation › the older one still matches, the newest makes', () => {
  const [newest, older] = secrets.map((one) => keyedHash([one]))
  assert.equal(hash.matches('csrf', a, older?.of('csrf', a) ?? ''), true)
  assert.equal(newest?.of('csrf', a), token)
  assert.equal(newest.matches('csrf', a, older?.of('csrf', a) ?? ''), false)
})

test('keyedHash › no secret › is an error at the start', () => {
  assert.throws(() => keyedHash([]), RangeError)
})
