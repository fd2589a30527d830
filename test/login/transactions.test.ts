import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '../../server/core/clock.ts'
import { systemRandom } from '../../server/core/random.ts'
import { secret } from '../../server/core/secret.ts'
import type { PendingLogin } from '../../server/login/transactions.ts'
import { transactions } from '../../server/login/transactions.ts'
import { memoryBackend } from '../../server/session/memory-backend.ts'
import { sealer } from '../../server/session/seal.ts'
import { spyBackend } from '../support/spy-backend.ts'

const pending = (state: string): PendingLogin => ({
  binding: { state, nonce: 'n', codeVerifier: 'v' },
  issuer: 'https://id.example',
})

const logins = (backend = memoryBackend({ clock: systemClock }), kid = 'k1') =>
  transactions({
    backend,
    random: systemRandom,
    cookieName: 'login',
    sealer: sealer([{ kid, key: secret(Buffer.alloc(32, 7)) }], systemRandom),
  })

test('transactions › started › taken once by its browser, then done', async () => {
  const { cookieFor, start, take } = logins()
  const cookie = cookieFor(undefined)
  await start(cookie, pending('s'), '/a')
  const header = `other=1; login=${cookie}`
  assert.deepEqual(await take(header, 's'), {
    kind: 'fresh',
    pending: pending('s'),
    returnTo: '/a',
  })
  assert.deepEqual(await take(header, 's'), { kind: 'done', returnTo: '/a' })
})

test('transactions › another cookie, another state, none, two › unknown, nothing consumed (R7)', async () => {
  const { cookieFor, start, take } = logins()
  const cookie = cookieFor(undefined)
  await start(cookie, pending('s'), '/a')
  const foreign = [
    [`login=${cookieFor(undefined)}`, 's'],
    [`login=${cookie}`, 'S'],
    [`login=${cookie}`, ''],
    [undefined, 's'],
    ['', 's'],
    [`login=${cookie}; login=${cookie}`, 's'],
    [`Login=${cookie}`, 's'],
    ['login=', 's'],
  ] as const
  for (const [header, state] of foreign)
    assert.deepEqual(await take(header, state), { kind: 'unknown' }, header)
  assert.equal((await take(`login=${cookie}`, 's')).kind, 'fresh')
})

for (const evil of ['//evil.test', '/.//evil.test', 'https://evil.test', '/a\r\nb'])
  test(`transactions › ${JSON.stringify(evil)} was stored as return_to › unknown: it is checked again at use (R5)`, async () => {
    const { cookieFor, start, take } = logins()
    const cookie = cookieFor(undefined)
    await start(cookie, pending('s'), evil)
    assert.deepEqual(await take(`login=${cookie}`, 's'), { kind: 'unknown' })
  })

test('transactions › the browser has a sound cookie › it is kept for all its tabs', () => {
  const { cookieFor } = logins()
  const own = 'A'.repeat(43)
  assert.equal(cookieFor(`login=${own}`), own)
  for (const header of [
    'login=x',
    `login=${own}; login=${own}`,
    `login=${own}.`,
    'login=__proto__',
  ])
    assert.match(cookieFor(header), /^(?!A{43})[\w-]{43}$/)
})

test('transactions › a login that was begun anew › its cookie says so until one came back; the login is the same', async () => {
  const { cookieFor, hasRestarted, cookieAfterRestart, start, take } = logins()
  const plain = cookieFor(undefined)
  const restarted = cookieFor(`login=${plain}`, true)
  assert.notEqual(restarted, plain)
  assert.equal(cookieFor(`login=${restarted}`), restarted)
  for (const [cookie, expected] of [
    [restarted, true],
    [plain, false],
    [`${restarted}x`, false],
    ['.r', false],
  ] as const)
    assert.equal(hasRestarted(`login=${cookie}`), expected, cookie)
  await start(restarted, pending('s'), '/a')
  assert.equal(cookieAfterRestart(`login=${restarted}`), plain)
  assert.equal(cookieAfterRestart(`login=${plain}`), undefined)
  assert.equal((await take(`login=${plain}`, 's')).kind, 'fresh')
})

test('transactions › in the store › no cookie, state, nonce, verifier or address in the clear', async () => {
  const spy = spyBackend()
  const { cookieFor, start } = logins(spy.backend)
  const cookie = cookieFor(undefined)
  await start(cookie, { ...pending('the-state'), foundSessionId: 'the-session' }, '/the-page')
  const stored = spy.calls.flatMap(({ args }) =>
    args.flatMap((arg) =>
      typeof arg === 'object' && arg !== null ? Object.values(arg).map(String) : [String(arg)],
    ),
  )
  assert.ok(stored.length > 3)
  for (const text of stored)
    for (const plain of [cookie, 'the-state', 'the-session', '/the-page', 'codeVerifier'])
      assert.ok(!text.includes(plain), plain)
})

test('transactions › sealed under a key that is gone › unknown, a fresh start', async () => {
  const backend = memoryBackend({ clock: systemClock })
  const before = logins(backend, 'old')
  const cookie = before.cookieFor(undefined)
  await before.start(cookie, pending('s'), '/a')
  assert.deepEqual(await logins(backend, 'new').take(`login=${cookie}`, 's'), { kind: 'unknown' })
})
