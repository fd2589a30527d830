import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { startReal } from './real-world.ts'

type Me = { readonly sub: string; readonly roles: readonly string[]; readonly token: Token }
type Token = { readonly fingerprint: string; readonly expires_in: number }

const order = { method: 'POST', body: '{"item":"Padlock","quantity":2}' }

const people = [
  { user: 'alice', name: 'Alice Archer', roles: ['orders-read', 'orders-write'], writes: 201 },
  { user: 'bob', name: 'Bob Baker', roles: ['orders-read'], writes: 403 },
  {
    user: 'root',
    name: 'Robin Root',
    roles: ['admin', 'orders-read', 'orders-write'],
    writes: 201,
  },
] as const

for (const { user, name, roles, writes } of people)
  test(`real provider › ${user} logs in by the form › session, roles, reads 200, writes ${writes}`, async (t) => {
    const { origin, newPerson } = await startReal(t)
    const { app, logIn } = newPerson()
    const landed = await logIn(user, '/login?return_to=/orders%3Fpage%3D2')
    assert.equal(landed.url, `${origin}/orders?page=2`)
    const session = await app.session()
    assert.deepEqual(session['roles'], roles)
    assert.deepEqual(session['user'], { sub: user, name, email: `${user}@demo.example` })
    assert.equal(typeof session['auth_time'], 'number')
    const me = (await app.call('/api/me')).json() as unknown as Me
    assert.deepEqual([me.sub, me.roles], [user, roles])
    assert.equal((await app.call('/api/orders')).status, 200)
    const headers = { ...(await app.csrf()), 'content-type': 'application/json' }
    const written = await app.call('/api/orders', { ...order, headers })
    assert.equal(written.status, writes)
    if (writes === 403) assert.equal(written.json()['code'], 'forbidden_role')
  })

test('real provider › access token over › the next call has a new one, by one refresh', async (t) => {
  const { seen, newPerson } = await startReal(t, { accessTokenSeconds: 1 })
  const { app, logIn } = newPerson()
  await logIn('alice')
  const before = (await app.call('/api/me')).json() as unknown as Me
  await sleep(1_100)
  const refreshes = seen.refreshes
  const after = (await app.call('/api/me')).json() as unknown as Me
  assert.equal(seen.refreshes, refreshes + 1)
  assert.notEqual(after.token.fingerprint, before.token.fingerprint)
  assert.equal((await app.session())['authenticated'], true)
})

test('real provider › five refreshes in a row › each with the rotated token of the one before', async (t) => {
  const { clock, seen, newPerson } = await startReal(t)
  const { app, logIn } = newPerson()
  await logIn('alice')
  const fingerprints = new Set<string>()
  for (let times = 0; times < 5; times += 1) {
    clock.advance(61)
    const answer = await app.call('/api/me')
    assert.equal(answer.status, 200)
    fingerprints.add((answer.json() as unknown as Me).token.fingerprint)
  }
  assert.deepEqual([seen.refreshes, fingerprints.size], [5, 5])
})

test('real provider › logout › by id_token_hint back to the app, and the next login asks again', async (t) => {
  const { origin, demo, newPerson } = await startReal(t)
  const { app, logIn, logOut, openLogin } = newPerson()
  await logIn('alice')
  const { endSession, page, landed } = await logOut()
  assert.equal(endSession.origin, demo.issuer)
  assert.match(endSession.searchParams.get('id_token_hint') ?? '', /^eyJ/)
  // The provider trusts the hint: its page goes on by itself, nobody has to confirm.
  assert.match(page.text, /\/demo\/continue\.js/)
  assert.deepEqual([landed.url, landed.status], [`${origin}/`, 200])
  assert.equal((await app.session())['authenticated'], false)
  assert.equal((await app.call('/api/me')).status, 401)
  const again = await openLogin()
  assert.match(again.page?.text ?? '', /<h1>Log in<\/h1>/)
})

test('real provider › logged in there, not here › the second login asks nothing', async (t) => {
  const { demo, clock, newPerson } = await startReal(t)
  const { app, logIn, openLogin } = newPerson()
  await logIn('bob')
  clock.advance(43_201)
  assert.equal((await app.session())['authenticated'], false)
  const { next, asks } = await openLogin()
  assert.equal(asks, false)
  assert.equal(next.searchParams.get('iss'), demo.issuer)
})

test('real provider › three tabs, finished in reverse › each lands where it began; one session at the end', async (t) => {
  const { origin, newPerson } = await startReal(t)
  const { app, openLogin, sendForm } = newPerson()
  const tabs = ['/one', '/two', '/three']
  const forms: URL[] = []
  for (const tab of tabs) forms.push((await openLogin(`/login?return_to=${tab}`)).next)
  for (const [i, form] of [...forms.entries()].reverse()) {
    const callback = await sendForm(form, 'alice')
    const landed = await app.navigate(callback.href, 'cross-site')
    assert.equal(landed.url, `${origin}${tabs[i] ?? ''}`)
    assert.equal((await app.call('/api/me')).status, 200)
  }
  assert.equal((await app.session())['authenticated'], true)
})

test('real provider › wrong password, then the right one › one login, no session in between', async (t) => {
  const { newPerson } = await startReal(t)
  const { app, openLogin, sendForm } = newPerson()
  const { next } = await openLogin()
  await assert.rejects(sendForm(next, 'mallory'), /do not go together/)
  assert.equal((await app.session())['authenticated'], false)
  await app.navigate((await sendForm(next, 'bob')).href, 'cross-site')
  assert.equal((await app.session())['authenticated'], true)
})
