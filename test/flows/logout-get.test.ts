import assert from 'node:assert/strict'
import { test } from 'node:test'
import { send } from '../support/browser.ts'
import { codeOf } from '../support/login-steps.ts'
import { postForm, worthOf, worthless } from '../support/logout-steps.ts'
import { startSecondBroker } from '../support/second-broker.ts'
import { startWorld } from '../support/world.ts'

test('logout › the link of logout_url › ends the session and goes to the provider (RPL-2-c)', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  const cookie = user.cookieHeader()
  const link = `${String((await user.session())['logout_url'])}&return_to=/bye`
  const answer = await user.visit(link, 'same-origin')
  assert.equal(answer.status, 303)
  assert.ok(answer.headers.location?.startsWith(`${world.issuer.issuer}/logout?`))
  assert.deepEqual(await worthOf(world.origin, cookie), worthless)
  assert.equal(
    (await user.navigate(answer.headers.location ?? '', 'same-origin')).url,
    `${world.origin}/bye`,
  )
})

const wrongSids = ['', 'x', 'op-session-1', 'x'.repeat(43), '%00', '__proto__']

test('logout › GET with a wrong sid or none › asks by one button, the right sid is nowhere (RPL-CSRF)', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  const right = String((await user.session())['logout_url']).split('sid=')[1] ?? 'none'
  const other = String((await (await world.loggedIn()).session())['logout_url'])
  const addresses = [
    '/logout',
    other,
    ...wrongSids.map((sid) => `/logout?sid=${sid}`),
    `/logout?sid=${right.slice(0, -1)}`,
    `/logout?sid=${right}=`,
  ]
  for (const address of addresses)
    for (const site of ['same-origin', 'none'] as const) {
      const answer = await user.visit(address, site)
      assert.equal(answer.status, 200, address)
      assert.equal(answer.text.match(/<button/g)?.length, 1, address)
      assert.ok(!answer.text.includes(right), address)
      assert.ok(!JSON.stringify(answer.headers).includes(right), address)
      assert.match(answer.headers['content-security-policy'] as string, /frame-ancestors 'none'/)
    }
  assert.equal((await user.session())['authenticated'], true)
  assert.deepEqual(world.issuer.revoked, [])
})

test('logout › the button of the page that asks › logs out', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  const page = await user.visit('/logout?return_to=/bye', 'same-origin')
  const fields = Object.fromEntries(
    [...page.text.matchAll(/<input type="hidden" name="(\w+)" value="([^"]*)">/g)].map(
      ([, name = '', value = '']) => [name, value],
    ),
  )
  assert.equal(fields['return_to'], '/bye')
  const answer = await postForm(user, world.origin, fields)
  assert.ok(answer.headers.location?.startsWith(`${world.issuer.issuer}/logout?`))
  assert.equal((await user.session())['authenticated'], false)
})

test('logout › the button, on an instance that has not met the provider › its form may lead to where the provider logs out (C12)', async (t) => {
  const world = await startWorld(t)
  world.issuer.script.alterMetadata = (metadata) => ({
    ...metadata,
    end_session_endpoint: 'https://logout.test/end',
  })
  const user = await world.loggedIn()
  const second = await startSecondBroker(t, world)
  const headers = { host: new URL(world.origin).host, cookie: user.cookieHeader() }
  const page = await send(`${second.origin}/logout`, {
    headers: { ...headers, accept: 'text/html' },
  })
  assert.match(page.text, /<form method="post" action="\/logout">/)
  assert.match(
    String(page.headers['content-security-policy']),
    /form-action 'self' [^;]*https:\/\/logout\.test[; ]/,
  )
})

test('logout › a link from another site, without the Strict cookie › asks, ends nothing (RPL-CSRF)', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  const link = String((await user.session())['logout_url'])
  for (const address of ['/logout', '/logout?sid=x', link]) {
    const answer = await user.visit(address, 'cross-site')
    assert.equal(answer.status, 200, address)
    assert.equal(answer.text.match(/class="button"/g)?.length, 1)
  }
  assert.equal((await user.session())['authenticated'], true)
})

test('logout › a link from another site with SESSION_SAMESITE=lax › asks, ends nothing (RPL-CSRF)', async (t) => {
  const world = await startWorld(t, {
    config: (config) => ({ ...config, session: { ...config.session, sameSite: 'lax' } }),
  })
  const user = await world.loggedIn()
  for (const address of ['/logout', '/logout?sid=x'])
    assert.equal((await user.visit(address, 'cross-site')).status, 200)
  assert.equal((await user.session())['authenticated'], true)
})

const notNavigations = {
  'an image': { 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' },
  fetch: { 'sec-fetch-mode': 'cors', 'sec-fetch-dest': 'empty' },
  'an iframe': { 'sec-fetch-dest': 'iframe' },
  'a prefetch': { 'sec-purpose': 'prefetch' },
  'an old prefetch': { purpose: 'prefetch' },
  'a prerender': { 'sec-purpose': 'prefetch;prerender' },
}

for (const [name, headers] of Object.entries(notNavigations))
  test(`logout › GET by ${name}, even with the right sid › 403, the session stays (RPL-CSRF, FM-7)`, async (t) => {
    const world = await startWorld(t)
    const user = await world.loggedIn()
    const link = String((await user.session())['logout_url'])
    for (const site of ['same-origin', 'cross-site'] as const) {
      const answer = await user.visit(link, site, { headers })
      assert.equal(answer.status, 403)
      assert.equal(codeOf(answer), 'navigation_required')
    }
    assert.equal((await user.session())['authenticated'], true)
    assert.deepEqual(world.issuer.revoked, [])
  })

test('logout › GET without a session, from the app › 303 to return_to (RPL-4-a)', async (t) => {
  const world = await startWorld(t)
  const answer = await world.newBrowser().visit('/logout?return_to=/bye', 'same-origin')
  assert.equal(answer.status, 303)
  assert.equal(answer.headers.location, '/bye')
})

for (const [name, query, path] of [
  ['no state', '', '/'],
  ['a state nobody made', '?state=x', '/'],
  ['an empty state', '?state=', '/'],
  ['two states', '?state=a&state=b', '/'],
  ['a prototype name', '?state=__proto__', '/'],
] as const)
  test(`/logout/callback › ${name} › still ends well at ${path} (RPL-2-d)`, async (t) => {
    const world = await startWorld(t)
    const answer = await world.newBrowser().visit(`/logout/callback${query}`, 'cross-site')
    assert.equal(answer.status, 303)
    assert.equal(answer.headers.location, path)
  })

test('/logout/callback › the right state, again › return_to, then / (RPL-2-d)', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  const link = `${String((await user.session())['logout_url'])}&return_to=/bye`
  const end = new URL((await user.visit(link, 'same-origin')).headers.location ?? '')
  const back = `/logout/callback?state=${end.searchParams.get('state') ?? ''}`
  assert.equal((await user.visit(back, 'cross-site')).headers.location, '/bye')
  assert.equal((await user.visit(back, 'cross-site')).headers.location, '/')
})
