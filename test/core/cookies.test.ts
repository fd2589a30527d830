import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cookieNames, cookieValues, filterCookies, isOwnCookie, setCookie } from '../../server/core/cookies.ts' // prettier-ignore

const found: readonly (readonly [string | undefined, readonly string[]])[] = [
  [undefined, []],
  ['', []],
  ['session=a', ['a']],
  ['x=1; session=a; y=2', ['a']],
  ['session=a; session=b', ['a', 'b']],
  ['session=a;session=b', ['a', 'b']],
  [' session = a ', ['a']],
  ['session=a=b', ['a=b']],
  ['session=', ['']],
  ['session', []],
  ['Session=a', []],
  ['xsession=a; session-x=b', []],
  ['x="; session=a', ['a']],
  [';;=;session=a;', ['a']],
]
for (const [text, values] of found)
  test(`cookieValues › ${JSON.stringify(text)} › ${JSON.stringify(values)}`, () => {
    assert.deepEqual(cookieValues(text, 'session'), values)
  })

const own = ['session', 'login', 'session-acme', '__Host-Http-session', '__host-http-login', '__Host-session', '__HOST-HTTP-SESSION-acme', 'SESSION', 'XSRF-TOKEN'] // prettier-ignore
for (const name of own)
  test(`isOwnCookie › ${name} › is ours`, () => {
    assert.equal(isOwnCookie(name), true)
  })
for (const name of ['sessionid', 'mysession', 'login2', 'theme', 'xsrf', '__Secure-x', ''])
  test(`isOwnCookie › ${JSON.stringify(name)} › is not ours`, () => {
    assert.equal(isOwnCookie(name), false)
  })

test('filterCookies › a header with ours and theirs › only theirs are left, in order', () => {
  const text = 'theme=dark; __Host-Http-session=s3cret; lang=de; XSRF-TOKEN=t; session=x'
  assert.equal(
    filterCookies(text, (name) => !isOwnCookie(name)),
    'theme=dark; lang=de',
  )
})

test('filterCookies › nothing left › no header at all', () => {
  assert.equal(
    filterCookies('session=x; login=y', (name) => !isOwnCookie(name)),
    undefined,
  )
})

test('filterCookies › a name with blanks before the = › is judged without them', () => {
  assert.equal(
    filterCookies('session =x', (name) => !isOwnCookie(name)),
    undefined,
  )
})

test('setCookie › all flags › no Domain, and Path=/ as the prefix demands', () => {
  const flags = { secure: true, httpOnly: true, sameSite: 'Strict', maxAgeSeconds: 60 } as const
  const text = setCookie('__Host-Http-session', 'v', flags)
  assert.equal(text, '__Host-Http-session=v; Path=/; Max-Age=60; SameSite=Strict; HttpOnly; Secure')
})

test('setCookie › plain http, for scripts › neither Secure nor HttpOnly', () => {
  const flags = { secure: false, httpOnly: false, sameSite: 'Lax', maxAgeSeconds: 0 } as const
  assert.equal(setCookie('XSRF-TOKEN', '', flags), 'XSRF-TOKEN=; Path=/; Max-Age=0; SameSite=Lax')
})

test('cookieNames › https and plain http › the prefix on https alone; scripts know one name', () => {
  assert.deepEqual(cookieNames(true), {
    session: '__Host-Http-session',
    login: '__Host-Http-login',
    csrf: 'XSRF-TOKEN',
  })
  assert.deepEqual(cookieNames(false), { session: 'session', login: 'login', csrf: 'XSRF-TOKEN' })
})

test('cookieNames › each name › is one that isOwnCookie knows', () => {
  const names = [cookieNames(true), cookieNames(false)].flatMap((all) => Object.values(all))
  assert.ok(names.every((name) => isOwnCookie(name)))
})
