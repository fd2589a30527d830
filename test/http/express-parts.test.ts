import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { RequestHandler } from 'express'
import express from 'express'
import { BrokerError } from '../../server/core/errors.ts'
import { cookieNames } from '../../server/core/cookies.ts'
import { parseSessionId } from '../../server/core/ids.ts'
import { silentLog } from '../../server/core/log.ts'
import { secret } from '../../server/core/secret.ts'
import { browserCookies } from '../../server/http/browser-cookies.ts'
import { errorHandler } from '../../server/http/error-handler.ts'
import { keyedHash } from '../../server/http/keyed-hash.ts'
import { formReader, parametersOf } from '../../server/http/parameters.ts'
import { replies } from '../../server/http/reply.ts'
import type { AppHeadersOptions } from '../../server/http/security-headers.ts'
import { appHeaders } from '../../server/http/security-headers.ts'
import { answersOf } from './answers.ts'

const reply = replies({ secure: true, realm: 'app', formOrigins: () => [] })

const appOf = (t: TestContext, handlers: readonly RequestHandler[], log = silentLog) => {
  const app = express()
  app.use(...handlers)
  app.use(errorHandler(reply, log))
  // Express answers any pair of request and response by itself.
  return answersOf(t, (req, res) => void app(req, res))
}

const done: RequestHandler = (_req, res) => void res.end('ok')
const options: AppHeadersOptions = { secure: true, csp: undefined, providerOrigins: () => ['https://id.test'] } // prettier-ignore

test("appHeaders › V3.4.1 V3.4.3 V3.4.4 V3.4.6 V3.4.8 the app's pages on https › nothing inline, no frame, no sniffing, HSTS for two years", async (t) => {
  const { headers } = await (await appOf(t, [...appHeaders(options), done]))()
  const policy = String(headers['content-security-policy']).split(';')
  for (const part of [
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "form-action 'self' https://id.test",
    'upgrade-insecure-requests',
  ])
    // prettier-ignore
    assert.ok(policy.includes(part), `${part} is not in ${policy.join(';')}`)
  assert.doesNotMatch(policy.join(';'), /unsafe|\*/)
  assert.match(String(headers['strict-transport-security']), /max-age=63072000; includeSubDomains/)
  assert.equal(headers['x-content-type-options'], 'nosniff')
  assert.equal(headers['x-frame-options'], 'DENY')
  assert.equal(headers['cross-origin-opener-policy'], 'same-origin')
  // `no-referrer` would turn the Origin of the logout form into `null`.
  assert.equal(headers['referrer-policy'], 'strict-origin-when-cross-origin')
})

test('appHeaders › plain http › neither HSTS nor an upgrade that would break the page', async (t) => {
  const { headers } = await (await appOf(t, [...appHeaders({ ...options, secure: false }), done]))()
  assert.equal(headers['strict-transport-security'], undefined)
  assert.doesNotMatch(String(headers['content-security-policy']), /upgrade-insecure/)
})

test("appHeaders › CSP is set › is the operator's whole policy", async (t) => {
  const csp = "default-src 'self' https://cdn.test"
  const { headers } = await (await appOf(t, [...appHeaders({ ...options, csp }), done]))()
  assert.equal(headers['content-security-policy'], csp)
})

const id = parseSessionId('A'.repeat(43))
const hash = keyedHash([secret('s'.repeat(32))])
const cookiesFor = (sameSite: 'strict' | 'lax') =>
  browserCookies({ names: cookieNames(true), secure: true, sameSite, hash, absoluteSeconds: 43_200 }) // prettier-ignore
const offering = (sameSite: 'strict' | 'lax'): RequestHandler =>
  function offer(req, res) {
    if (id !== undefined) cookiesFor(sameSite).offerCsrf(req, res, id)
    res.end()
  }

for (const [sameSite, word] of [
  ['strict', 'Strict'],
  ['lax', 'Lax'],
] as const)
  // prettier-ignore
  test(`browserCookies › the CSRF cookie, SESSION_SAMESITE=${sameSite} › scripts may read it, and no other site gets it sent`, async (t) => {
    const { headers } = await (await appOf(t, [offering(sameSite)]))()
    const token = hash.of('csrf', 'A'.repeat(43))
    const cookie = `XSRF-TOKEN=${token}; Path=/; Max-Age=43200; SameSite=${word}; Secure`
    assert.deepEqual(headers['set-cookie'], [cookie])
  })

test('browserCookies › a browser that has the token › is not given it again; one with an old token is', async (t) => {
  const ask = await appOf(t, [offering('strict')])
  const has = (token: string) => ask({ headers: { cookie: `XSRF-TOKEN=${token}` } })
  const held = await has(hash.of('csrf', 'A'.repeat(43)))
  assert.equal(held.headers['set-cookie'], undefined)
  assert.equal((await has('old')).headers['set-cookie']?.length, 1)
})

test('browserCookies › clear › takes both cookies away with the flags they were set with', async (t) => {
  const { headers } = await (
    await appOf(t, [(_req, res) => void (cookiesFor('strict').clear(res), res.end())])
  )()
  assert.deepEqual(headers['set-cookie'], [
    '__Host-Http-session=; Path=/; Max-Age=0; SameSite=Strict; HttpOnly; Secure',
    'XSRF-TOKEN=; Path=/; Max-Age=0; SameSite=Strict; Secure',
  ])
})

const echo: RequestHandler = (req, res) => void res.json([...parametersOf(req)])
const form = 'application/x-www-form-urlencoded'
const sent = [
  ['GET', '/?a=1&a=2&b=%26', undefined, form, [['a', '1'], ['a', '2'], ['b', '&']]],
  ['GET', '/', undefined, form, []],
  ['POST', '/?a=1', 'a=2', form, [['a', '2']]],
  ['POST', '/?a=1', '{"a":2}', 'application/json', [['a', '1']]],
] as const // prettier-ignore
for (const [method, path, body, type, expected] of sent)
  test(`parametersOf › ${method} ${path} with ${body} › ${JSON.stringify(expected)}`, async (t) => {
    const ask = await appOf(t, [formReader, echo])
    const given = body === undefined ? {} : { body, headers: { 'content-type': type } }
    assert.deepEqual(JSON.parse((await ask({ method, path, ...given })).text), expected)
  })

const failures: readonly (readonly [string, RequestHandler, number, string])[] = [
  ['an error of the broker', () => { throw new BrokerError('csrf_missing') }, 403, 'csrf_missing'],
  ['a bug', () => { throw new TypeError('x is undefined') }, 500, 'internal_error'],
  ['a rejection', () => Promise.reject(new Error('store gone')), 500, 'internal_error'],
  ['an http-errors 413', () => { throw Object.assign(new Error('x'), { status: 413 }) }, 413, 'body_too_large'],
  ['an http-errors 400', () => { throw Object.assign(new Error('x'), { status: 400 }) }, 400, 'invalid_request'],
  ['an http-errors 502', () => { throw Object.assign(new Error('x'), { status: 502 }) }, 500, 'internal_error'],
] // prettier-ignore
for (const [name, handler, status, code] of failures)
  test(`errorHandler › ${name} › ${status} ${code}, logged from 500 on`, async (t) => {
    const logged: object[] = []
    const log = { ...silentLog, error: (facts: object) => void logged.push(facts) }
    const answer = await (await appOf(t, [handler], log))()
    assert.equal(answer.status, status)
    assert.match(answer.text, new RegExp(`"code":"${code}"`))
    assert.equal(logged.length, status >= 500 ? 1 : 0)
  })

test('formReader › a form above 64 KiB › 413, not read', async (t) => {
  const ask = await appOf(t, [formReader, echo])
  const headers = { 'content-type': form, 'content-length': '65537' }
  const answer = await ask({ method: 'POST', headers, body: 'x'.repeat(65_537) })
  assert.equal(answer.status, 413)
})
