import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Tenant } from '../../server/config/config.ts'
import { systemClock } from '../../server/core/clock.ts'
import { memoryBackend } from '../../server/session/memory-backend.ts'
import type { CallOptions } from '../support/browser.ts'
import { send } from '../support/browser.ts'
import { authorizationRequest, codeOf } from '../support/login-steps.ts'
import { spyBackend } from '../support/spy-backend.ts'
import type { World, WorldOptions } from '../support/world.ts'
import { listen, startWorld } from '../support/world.ts'

const startWith = (
  t: TestContext,
  frontchannel: Tenant['frontchannel'],
  options: WorldOptions = {},
) =>
  startWorld(t, {
    ...options,
    config: (config) => ({ ...config, tenant: { ...config.tenant, frontchannel } }),
  })

/** What a frame of the provider's logout page sends: on another site, no cookie goes along. */
const frameHeaders = {
  accept: 'text/html',
  'sec-fetch-mode': 'navigate',
  'sec-fetch-dest': 'iframe',
  'sec-fetch-site': 'cross-site',
}

const frame = (
  { origin }: Pick<World, 'origin'>,
  query: Readonly<Record<string, string>> | string,
  options: CallOptions = {},
) =>
  send(`${origin}/frontchannel-logout?${new URLSearchParams(query).toString()}`, {
    ...options,
    headers: { ...frameHeaders, ...options.headers },
  })

const named = ({ issuer }: World, sid = 'op-session-1') => ({ iss: issuer.issuer, sid })

const isLoggedIn = async (user: Awaited<ReturnType<World['loggedIn']>>): Promise<boolean> =>
  (await user.session())['authenticated'] === true

test('frontchannel-logout › iss and sid, no cookie › 200, the session is over, its cookie is told session_revoked (C11, FCL-4.1-a, FCL-2-c)', async (t) => {
  const world = await startWith(t, 'iss_and_sid')
  const user = await world.loggedIn()
  const answer = await frame(world, named(world))
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['set-cookie'], undefined)
  assert.equal(await isLoggedIn(user), false)
  assert.equal((await user.call('/api/x')).json()['code'], 'session_revoked')
})

test('frontchannel-logout › C11 FCL-2-d FCL-x its answer › no-store, framable by the provider alone, nothing runs in it', async (t) => {
  const world = await startWith(t, 'iss_and_sid')
  const { headers } = await frame(world, named(world))
  assert.equal(headers['cache-control'], 'no-store')
  assert.equal(headers['x-frame-options'], undefined)
  const policy = String(headers['content-security-policy']).split('; ')
  assert.ok(policy.includes(`frame-ancestors ${world.issuer.issuer}`), policy.join('; '))
  assert.ok(policy.includes("default-src 'none'"))
})

test('frontchannel-logout › FCL-x its refusals, and every other page › framable by nobody', async (t) => {
  const world = await startWith(t, 'iss_and_sid')
  const answers = [
    await frame(world, {}),
    await frame(world, { iss: 'https://evil.test', sid: 'op-session-1' }),
    await world.newBrowser().visit('/login?prompt=bad'),
    await world.newBrowser().visit('/callback?state=x'),
    await world.newBrowser().visit('/'),
  ]
  for (const { headers } of answers) {
    assert.equal(headers['x-frame-options'], 'DENY')
    assert.match(String(headers['content-security-policy']), /frame-ancestors 'none'/)
  }
})

test("frontchannel-logout › FCL-2-c another session's sid, a guessed one › 200 without effect on anybody else", async (t) => {
  const world = await startWith(t, 'iss_and_sid')
  const login = async (sid: string) => {
    world.issuer.script.idTokenClaims = { sid }
    return await world.loggedIn()
  }
  const [phone, laptop] = [await login('phone'), await login('laptop')]
  assert.equal((await frame(world, named(world, 'guessed'))).status, 200)
  assert.equal((await frame(world, named(world, 'phon'))).status, 200)
  assert.deepEqual(await Promise.all([phone, laptop].map(isLoggedIn)), [true, true])
  const known = await frame(world, named(world, 'phone'))
  assert.deepEqual(await Promise.all([phone, laptop].map(isLoggedIn)), [false, true])
  assert.equal(known.text, (await frame(world, named(world, 'guessed'))).text)
})

const refused: Readonly<Record<string, (world: World) => string>> = {
  'nothing at all': () => '',
  'sid alone': () => 'sid=op-session-1',
  'iss alone': ({ issuer }) => `iss=${issuer.issuer}`,
  'another iss': () => 'iss=https://evil.test&sid=op-session-1',
  'iss with a slash more': ({ issuer }) => `iss=${issuer.issuer}/&sid=op-session-1`,
  'sid twice': ({ issuer }) => `iss=${issuer.issuer}&sid=op-session-1&sid=x`,
}

for (const [name, query] of Object.entries(refused))
  test(`frontchannel-logout › FCL-2-b ${name}, with the session's cookie › 400 without effect`, async (t) => {
    const world = await startWith(t, 'iss_and_sid')
    const user = await world.loggedIn()
    const headers = { cookie: user.cookieHeader() }
    const answer = await frame(world, query(world), { headers })
    assert.equal(answer.status, 400)
    assert.equal(codeOf(answer), 'invalid_request')
    assert.equal(answer.headers['cache-control'], 'no-store')
    assert.equal(await isLoggedIn(user), true)
  })

test("frontchannel-logout › sid alone, where the provider leaves iss out › the configured issuer's session ends; a wrong iss is still refused", async (t) => {
  const world = await startWith(t, 'sid_alone')
  const user = await world.loggedIn()
  const wrong = await frame(world, { iss: 'https://evil.test', sid: 'op-session-1' })
  assert.equal(wrong.status, 400)
  assert.equal(await isLoggedIn(user), true)
  assert.equal((await frame(world, { sid: 'op-session-1' })).status, 200)
  assert.equal(await isLoggedIn(user), false)
})

test('frontchannel-logout › POST, HEAD, PUT › 405 without effect', async (t) => {
  const world = await startWith(t, 'iss_and_sid')
  const user = await world.loggedIn()
  for (const method of ['POST', 'HEAD', 'PUT']) {
    const answer = await frame(world, named(world), { method })
    assert.deepEqual([answer.status, answer.headers.allow], [405, 'GET'], method)
  }
  assert.equal(await isLoggedIn(user), true)
})

test('frontchannel-logout › not switched on (C11) › 404 like any address that is not there, without effect', async (t) => {
  const world = await startWith(t, undefined)
  const user = await world.loggedIn()
  for (const method of ['GET', 'POST']) {
    const answer = await frame(world, named(world), { method })
    assert.equal(answer.status, 404)
    assert.equal(answer.headers['x-frame-options'], 'DENY')
  }
  assert.equal(await isLoggedIn(user), true)
})

test("frontchannel-logout › FCL-2-a its address › on the redirect_uri's origin and host alone", async (t) => {
  const world = await startWith(t, 'iss_and_sid')
  const request = await authorizationRequest(world.newBrowser())
  const redirectUri = new URL(request.searchParams.get('redirect_uri') ?? '')
  assert.equal((await frame({ origin: redirectUri.origin }, named(world))).status, 200)
  const user = await world.loggedIn()
  const elsewhere = await frame(world, named(world), { headers: { host: 'internal:8080' } })
  assert.equal(elsewhere.status, 421)
  assert.equal(await isLoggedIn(user), true)
})

test('frontchannel-logout › 50 guessed sids › nothing is written to the store', async (t) => {
  const spy = spyBackend()
  const world = await startWith(t, 'iss_and_sid', { backend: spy.backend })
  const user = await world.loggedIn()
  const before = spy.calls.length
  for (let n = 0; n < 50; n += 1) await frame(world, named(world, `guess-${n}`))
  const verbs = new Set(spy.calls.slice(before).map(({ verb }) => verb))
  assert.deepEqual([...verbs], ['listed'])
  assert.equal(await isLoggedIn(user), true)
})

for (const kind of ['vault', 'listing', 'session'] as const)
  test(`frontchannel-logout › R18 while a login is under way, before its ${kind} is stored › the login does not slip past`, async (t) => {
    const inner = memoryBackend({ clock: systemClock })
    const holder: { world?: World; status?: number } = {}
    const world = await startWith(t, 'iss_and_sid', {
      backend: {
        ...inner,
        create: async (id, created, sealed, life) => {
          if (created === kind && holder.world !== undefined && holder.status === undefined) {
            await new Promise((resolve) => setTimeout(resolve, 5))
            holder.status = (await frame(holder.world, named(holder.world))).status
          }
          return await inner.create(id, created, sealed, life)
        },
      },
    })
    holder.world = world
    const user = world.newBrowser()
    const landed = await user.navigate('/login')
    assert.equal(holder.status, 200)
    assert.equal(landed.status, 400)
    assert.equal((await user.session())['authenticated'], false)
  })

test('frontchannel-logout › the same request again after the next login › that session ends too; one sent before it does not hold it up', async (t) => {
  const world = await startWith(t, 'iss_and_sid')
  await world.loggedIn()
  await frame(world, named(world))
  world.clock.advance(1)
  const next = await world.loggedIn()
  assert.equal(await isLoggedIn(next), true)
  world.clock.advance(1)
  await frame(world, named(world))
  assert.equal(await isLoggedIn(next), false)
})

for (const [frontchannel, expected] of [
  ['iss_and_sid', 'Logged out'],
  [undefined, 'a page of the host'],
] as const)
  test(`frontchannel-logout › embedded, switched ${frontchannel === undefined ? 'off' : 'on'} › ${expected}`, async (t) => {
    const world = await startWith(t, frontchannel)
    const host = createServer((req, res) => {
      world.broker.handler(req, res, () => res.end('a page of the host'))
    })
    const port = await listen(host)
    t.after(() => {
      host.closeAllConnections()
      host.close()
    })
    const headers = { host: new URL(world.origin).host }
    const answer = await frame({ origin: `http://localhost:${port}` }, named(world), { headers })
    assert.equal(answer.status, 200)
    assert.ok(answer.text.includes(expected), answer.text)
  })

test('frontchannel-logout › the store is away › 503, so that nobody takes it for done', async (t) => {
  const spy = spyBackend()
  const world = await startWith(t, 'iss_and_sid', { backend: spy.backend })
  const user = await world.loggedIn()
  spy.down.add('all')
  assert.equal((await frame(world, named(world))).status, 503)
  spy.down.clear()
  assert.equal(await isLoggedIn(user), true)
})
