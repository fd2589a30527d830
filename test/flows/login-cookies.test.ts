import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReadyConfig } from '../../server/config/ready-config.ts'
import type { Answer } from '../support/browser.ts'
import { send } from '../support/browser.ts'
import { codeOf, openCallback, pendingCallback } from '../support/login-steps.ts'
import { spyBackend } from '../support/spy-backend.ts'
import type { World } from '../support/world.ts'
import { startWorld } from '../support/world.ts'

const secured = (config: ReadyConfig): ReadyConfig => ({ ...config, secure: true })

type Flags = Readonly<Record<string, string | true>>

/** A Set-Cookie line as name, value and its attributes in lower case. */
const parsed = (line: string) => {
  const [pair = '', ...attributes] = line.split('; ')
  const flags: Flags = Object.fromEntries(
    attributes.map((attribute) => {
      const [name = '', value] = attribute.split('=')
      return [name.toLowerCase(), value ?? true]
    }),
  )
  const [name = '', value = ''] = pair.split('=')
  return { name, value, flags }
}

/** Every cookie that the broker sets from login to logout. */
const cookiesOfJourney = async (world: World) => {
  const user = world.newBrowser()
  const answers: Answer[] = []
  answers.push(await user.visit('/login'))
  const callback = (await send(answers[0]?.headers.location ?? '')).headers.location ?? ''
  answers.push(await user.visit(callback, 'cross-site'))
  answers.push(await user.call('/session'), await user.call('/api/x'))
  answers.push(await user.call('/logout', { method: 'POST', headers: await user.csrf() }))
  return answers.flatMap(({ headers }) => headers['set-cookie'] ?? []).map(parsed)
}

/** Seconds the browser keeps it, by Max-Age alone. */
const lifeSeconds = ({ flags }: { readonly flags: Flags }): number => Number(flags['max-age'])

test('cookies › on https › Secure, Path=/, no Domain, __Host-Http- names, HttpOnly save one (BBA-6.1.3.2-a, -b, -d, -e, -f)', async (t) => {
  const cookies = await cookiesOfJourney(await startWorld(t, { config: secured }))
  assert.deepEqual([...new Set(cookies.map(({ name }) => name))].sort(), [
    'XSRF-TOKEN',
    '__Host-Http-login',
    '__Host-Http-session',
  ])
  for (const { name, flags } of cookies) {
    assert.equal(flags['secure'], true, name)
    assert.equal(flags['path'], '/', name)
    assert.equal(flags['domain'], undefined, name)
    assert.equal(flags['httponly'], name === 'XSRF-TOKEN' ? undefined : true, name)
  }
})

test('cookies › on http › the plain names, no Secure, the same otherwise (BBA-6.1.3.2-b, -d, -e)', async (t) => {
  const cookies = await cookiesOfJourney(await startWorld(t))
  assert.deepEqual([...new Set(cookies.map(({ name }) => name))].sort(), [
    'XSRF-TOKEN',
    'login',
    'session',
  ])
  for (const { name, flags } of cookies) {
    assert.equal(flags['secure'], undefined, name)
    assert.equal(flags['path'], '/', name)
    assert.equal(flags['domain'], undefined, name)
    assert.equal(flags['httponly'], name === 'XSRF-TOKEN' ? undefined : true, name)
  }
})

for (const sameSite of ['strict', 'lax'] as const)
  test(`cookies › SESSION_SAMESITE=${sameSite} › the session cookie has it, the login cookie is Lax (C1, BBA-6.1.3.2-c)`, async (t) => {
    const world = await startWorld(t, {
      config: (config) => ({ ...config, session: { ...config.session, sameSite } }),
    })
    for (const { name, flags } of await cookiesOfJourney(world)) {
      const expected = name === 'login' ? 'lax' : sameSite
      assert.equal(String(flags['samesite']).toLowerCase(), expected, name)
    }
  })

test('cookies › their lives › the session cookie the absolute life, the login cookie an hour (CK-life)', async (t) => {
  const world = await startWorld(t, { config: secured })
  const alive = (await cookiesOfJourney(world)).filter(({ value }) => value !== '')
  const lives = Object.fromEntries(alive.map((cookie) => [cookie.name, lifeSeconds(cookie)]))
  assert.deepEqual(lives, {
    '__Host-Http-session': 43_200,
    '__Host-Http-login': 3_600,
    'XSRF-TOKEN': 43_200,
  })
})

test('cookies › what they hold › a signed random id, a random handle, a hash (BBA-6.1.3.2-g)', async (t) => {
  const alive = (await cookiesOfJourney(await startWorld(t))).filter(({ value }) => value !== '')
  for (const { name, value } of alive) {
    const shape = name === 'session' ? /^s%3A[\w-]{43}\.[A-Za-z0-9%+/]{43,60}$/ : /^[\w-]{43}$/
    assert.match(value, shape, name)
  }
})

test('cookies › at logout › session and XSRF-TOKEN are taken away', async (t) => {
  const world = await startWorld(t, { config: secured })
  const gone = (await cookiesOfJourney(world)).filter(({ value }) => value === '')
  assert.deepEqual(gone.map(({ name }) => name).sort(), ['XSRF-TOKEN', '__Host-Http-session'])
  for (const cookie of gone) assert.equal(lifeSeconds(cookie), 0)
})

const formPost = (config: ReadyConfig): ReadyConfig => ({
  ...secured(config),
  tenant: { ...config.tenant, responseMode: 'form_post' },
})

test('cookies › form_post on https › the login cookie is SameSite=None, the session cookie Strict (C1, BBA-6.1.3.2-c)', async (t) => {
  const world = await startWorld(t, { config: formPost })
  const user = world.newBrowser()
  const callback = await pendingCallback(user)
  const login = user.cookies().get('__Host-Http-login')?.line ?? ''
  assert.match(login, /; SameSite=None; HttpOnly; Secure$/)
  await openCallback(user, callback)
  assert.match(user.cookies().get('__Host-Http-session')?.line ?? '', /SameSite=Strict/)
})

test('callback › form_post › the POST finishes the login by 303; a second one goes the same way (R6, SBCP-4.12-a)', async (t) => {
  const world = await startWorld(t, { config: formPost })
  const user = world.newBrowser()
  const callback = await pendingCallback(user, '/login?return_to=/orders')
  const body = callback.search.slice(1)
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    origin: world.issuer.issuer,
  }
  for (let times = 0; times < 2; times += 1) {
    const answer = await user.visit('/callback', 'cross-site', { method: 'POST', body, headers })
    assert.equal(answer.status, 303)
    assert.equal(answer.headers.location, '/orders')
  }
  assert.equal((await user.session())['authenticated'], true)
  assert.equal(world.issuer.grants('authorization_code'), 1)
})

test('callback › POST where the answer comes by query › refused, the login is still there', async (t) => {
  const world = await startWorld(t)
  const user = world.newBrowser()
  const callback = await pendingCallback(user)
  const answer = await user.visit('/callback', 'cross-site', {
    method: 'POST',
    body: callback.search.slice(1),
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  })
  assert.ok([404, 405].includes(answer.status), `${answer.status} ${String(codeOf(answer))}`)
  assert.equal((await openCallback(user, callback)).status, 303)
})

test('visitor › 100 requests without a login › no record, no cookie', async (t) => {
  const spy = spyBackend()
  const world = await startWorld(t, { backend: spy.backend })
  for (let times = 0; times < 25; times += 1)
    for (const path of ['/', '/session', '/api/x', '/logout']) {
      const answer = await world.newBrowser().call(path)
      assert.equal(answer.headers['set-cookie'], undefined, path)
    }
  assert.deepEqual(spy.calls, [])
})
