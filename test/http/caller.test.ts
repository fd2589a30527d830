import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Caller } from '../../server/http/caller.ts'
import { callerOf, isNavigation, isTopLevelNavigation } from '../../server/http/caller.ts'
import { refuseForeign } from '../../server/http/require-app.ts'
import { request } from './request.ts'

const own = 'https://app.test'
const listed = 'https://partner.test'

/** Rows: Sec-Fetch-Site; columns: no Origin, ours, a listed one, a foreign one, `null`. */
const matrix: readonly (readonly [string | undefined, ...(readonly Caller[])])[] = [
  ['same-origin', 'app', 'app', 'app', 'foreign', 'foreign'],
  ['same-site', 'foreign', 'foreign', 'app', 'foreign', 'foreign'],
  ['cross-site', 'foreign', 'foreign', 'app', 'foreign', 'foreign'],
  ['none', 'unknown', 'app', 'app', 'foreign', 'foreign'],
  ['future', 'unknown', 'app', 'app', 'foreign', 'foreign'],
  ['SAME-ORIGIN', 'unknown', 'app', 'app', 'foreign', 'foreign'],
  ['same-origin, same-origin', 'unknown', 'app', 'app', 'foreign', 'foreign'],
  [undefined, 'unknown', 'app', 'app', 'foreign', 'foreign'],
]
const origins = [undefined, own, listed, 'https://evil.test', 'null'] as const
for (const [site, ...callers] of matrix)
  for (const [i, origin] of origins.entries())
    for (const method of ['GET', 'HEAD', 'POST', 'DELETE'])
      test(`callerOf › FM-1 FM-2 FM-3 ${method}, Sec-Fetch-Site ${site}, Origin ${origin} › ${callers[i]}`, () => {
        const req = request({ 'sec-fetch-site': site, origin }, { method })
        assert.equal(callerOf(req, own, [listed]), callers[i])
      })

const foreignOrigins = ['http://app.test', 'https://app.test:444', 'https://app.test.evil.test', 'https://sub.app.test', 'https://app.test/', 'https://APP.test', 'https://app.test, https://app.test', ''] // prettier-ignore
for (const origin of foreignOrigins)
  test(`callerOf › Origin ${JSON.stringify(origin)} › is not ours, by simple comparison`, () => {
    assert.equal(callerOf(request({ origin, 'sec-fetch-site': 'same-origin' }), own), 'foreign')
  })

test('callerOf › an origin on the list of another route › is foreign', () => {
  assert.equal(callerOf(request({ origin: listed }), own), 'foreign')
})

test('refuseForeign › a foreign caller, and one that nobody can tell › the first alone is refused', () => {
  const passed: unknown[] = []
  const run = (req: ReturnType<typeof request>) =>
    // An Express request is more than it reads.
    refuseForeign(own)(req as never, undefined as never, () => passed.push(req))
  const foreign = request({ 'sec-fetch-site': 'cross-site' })
  assert.throws(() => run(foreign), { code: 'cross_site' })
  run(request())
  assert.equal(passed.length, 1)
})

type Headers = Readonly<Record<string, string>>
const html = 'text/html,application/xhtml+xml,*/*;q=0.8'
const navigations: readonly (readonly [string, Headers, boolean])[] = [
  ['GET', { 'sec-fetch-mode': 'navigate' }, true],
  ['POST', { 'sec-fetch-mode': 'navigate' }, true],
  ['GET', { 'sec-fetch-mode': 'cors', accept: html }, false],
  ['GET', { 'sec-fetch-mode': 'no-cors', accept: html }, false],
  ['GET', { 'sec-fetch-mode': 'websocket' }, false],
  ['GET', { accept: html }, true],
  ['HEAD', { accept: html }, true],
  ['POST', { accept: html }, false],
  ['GET', { accept: '*/*' }, false],
  ['GET', { accept: 'application/json' }, false],
  ['GET', {}, false],
]
for (const [method, headers, expected] of navigations)
  test(`isNavigation › ${method} ${JSON.stringify(headers)} › ${expected}`, () => {
    assert.equal(isNavigation(request(headers, { method })), expected)
  })

const navigate = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }
const topLevel: readonly (readonly [string, Headers, boolean])[] = [
  ['GET', navigate, true],
  ['POST', navigate, true],
  ['GET', { ...navigate, 'sec-fetch-site': 'cross-site' }, true],
  ['GET', { 'sec-fetch-mode': 'navigate' }, true],
  ['GET', { accept: html }, true],
  // A form_post from a browser without Fetch Metadata.
  ['POST', {}, true],
  ['GET', {}, false],
  ['GET', { ...navigate, 'sec-fetch-dest': 'iframe' }, false],
  ['GET', { ...navigate, 'sec-fetch-dest': 'frame' }, false],
  ['GET', { ...navigate, 'sec-fetch-dest': 'embed' }, false],
  ['GET', { ...navigate, 'sec-fetch-dest': 'object' }, false],
  ['GET', { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' }, false],
  ['GET', { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'script', accept: html }, false],
  ['GET', { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' }, false],
  ['POST', { 'sec-fetch-mode': 'cors' }, false],
  ['GET', { ...navigate, 'sec-purpose': 'prefetch' }, false],
  ['GET', { ...navigate, 'sec-purpose': 'Prefetch' }, false],
  ['GET', { ...navigate, purpose: 'preview' }, false],
  ['GET', { ...navigate, 'x-purpose': 'preview' }, false],
  ['GET', { ...navigate, 'x-moz': 'prefetch' }, false],
  ['GET', { ...navigate, 'sec-purpose': 'prefetch;anonymous-client-ip' }, false],
  ['GET', { ...navigate, 'sec-purpose': 'prefetch;prerender' }, false],
  ['GET', { ...navigate, purpose: 'prefetch' }, false],
  ['POST', { 'sec-purpose': 'prefetch' }, false],
]
for (const [method, headers, expected] of topLevel)
  test(`isTopLevelNavigation › FM-5 FM-7 ${method} ${JSON.stringify(headers)} › ${expected}`, () => {
    assert.equal(isTopLevelNavigation(request(headers, { method })), expected)
  })
