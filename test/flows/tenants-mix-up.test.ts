import assert from 'node:assert/strict'
import { test } from 'node:test'
import { asIssuer } from '../../server/core/ids.ts'
import { memoryBackend } from '../../server/session/memory-backend.ts'
import { systemClock } from '../../server/core/clock.ts'
import type { Answer, Browser } from '../support/browser.ts'
import { send } from '../support/browser.ts'
import {
  authorizationRequest,
  codeOf,
  openCallback,
  pendingCallback,
} from '../support/login-steps.ts'
import { spyBackend } from '../support/spy-backend.ts'
import type { TenantName, TenantsWorld } from '../support/tenants.ts'
import { startTenants, tenantNames } from '../support/tenants.ts'

const limit = { timeout: 30_000 }

/** A login at one tenant, up to a callback with a code of another's, which a third may get. */
const codesOf = async (world: TenantsWorld, user: Browser, name: TenantName): Promise<URL> =>
  await pendingCallback(user, world.address(name, '/login'))

const atCallback = (world: TenantsWorld, name: TenantName, search: string): URL =>
  new URL(`${world.address(name, '/callback')}${search}`)

const assertNoLogin = async (
  world: TenantsWorld,
  { answer, user, names = tenantNames }: { answer: Answer; user: Browser; names?: readonly TenantName[] }, // prettier-ignore
): Promise<void> => {
  assert.equal(world.one.tokenRequests.length + world.two.tokenRequests.length, 0)
  assert.doesNotMatch(String(answer.headers['set-cookie'] ?? ''), /session[^=]*=[^;]/)
  for (const name of names)
    assert.equal((await world.session(name, user))['authenticated'], false, name)
}

test(
  "R9 SBCP-2.1-c a whole answer of one tenant › at another's callback › of no login there, and no code is sent",
  limit,
  async (t) => {
    const world = await startTenants(t)
    for (const from of tenantNames)
      for (const to of tenantNames) {
        if (from === to || (from === 'acme') !== (to === 'acme')) continue
        const user = world.newBrowser(from)
        const { search } = await codesOf(world, user, from)
        // The other tenant's login is under way in the same browser.
        await user.visit(world.address(to, '/login'))
        const answer = await openCallback(user, atCallback(world, to, search))
        assert.match(answer.text, /You are being taken to a fresh one/, `${from} to ${to}`)
        await assertNoLogin(world, { answer, user, names: [from, to] })
      }
  },
)

test(
  "R9 a login's cookie and answer › carried to another tenant's host › open nothing and use nothing up",
  limit,
  async (t) => {
    const spy = spyBackend(memoryBackend({ clock: systemClock }))
    const world = await startTenants(t, { backend: spy.backend })
    const user = world.newBrowser('default')
    const callback = await codesOf(world, user, 'default')
    const login = user.cookies().get('login')?.value ?? assert.fail()
    for (const to of ['acme', 'beta', 'gamma'] as const) {
      const name = world.places[to].base === '' ? 'login' : `login-${to}`
      const answer = await send(atCallback(world, to, callback.search).href, {
        headers: { accept: 'text/html', 'sec-fetch-mode': 'navigate', cookie: `${name}=${login}` },
      })
      assert.match(answer.text, /You are being taken to a fresh one/, to)
    }
    await assertNoLogin(world, { answer: await user.visit('/'), user, names: ['default'] })
    // The login itself still stands.
    assert.equal((await openCallback(user, callback)).status, 303)
    assert.equal((await world.session('default', user))['authenticated'], true)
  },
)

/** The answer to the tenant's own login, with code and issuer of another provider's. */
const mixedAnswers = ['honest', 'absent', 'own'] as const

for (const iss of mixedAnswers)
  for (const victim of ['acme', 'gamma'] as const)
    test(
      `R9 a login at ${victim}, answered with another provider's code, iss ${iss} › 400, or its code fails at its own endpoint alone`,
      limit,
      async (t) => {
        const world = await startTenants(t)
        const user = world.newBrowser(victim)
        const own = await codesOf(world, user, victim)
        const foreign = await codesOf(world, world.newBrowser('default'), 'default')
        own.searchParams.set('code', foreign.searchParams.get('code') ?? '')
        if (iss === 'honest') own.searchParams.set('iss', world.one.issuer)
        if (iss === 'absent') own.searchParams.delete('iss')
        const answer = await openCallback(user, own)
        assert.deepEqual([answer.status, codeOf(answer)], [400, 'login_failed'])
        // Only an answer that names the very issuer that was asked lets the code be tried, and there alone.
        assert.equal(world.two.tokenRequests.length, iss === 'own' ? 1 : 0)
        assert.equal(world.one.tokenRequests.length, 0)
        assert.equal((await world.session(victim, user))['authenticated'], false)
      },
    )

test(
  "R9 SBCP-4.4-b an attacker's metadata that copies the honest authorization endpoint › 400, its token endpoint hears nothing",
  limit,
  async (t) => {
    const world = await startTenants(t)
    world.two.script.alterMetadata = (metadata) => ({
      ...metadata,
      authorization_endpoint: `${world.one.issuer}/authorize`,
    })
    for (const name of ['acme', 'gamma'] as const) {
      const user = world.newBrowser(name)
      const request = await authorizationRequest(user, world.address(name, '/login'))
      assert.equal(request.origin, world.one.issuer)
      assert.equal(request.searchParams.get('redirect_uri'), world.address(name, '/callback'))
      const callback = (await send(request.href)).headers.location ?? ''
      const answer = await openCallback(user, new URL(callback))
      assert.deepEqual([answer.status, codeOf(answer)], [400, 'login_failed'])
      await assertNoLogin(world, { answer, user, names: [name] })
    }
  },
)

test(
  "R9 an ID token of another tenant's issuer, or of another client at one issuer › no login",
  limit,
  async (t) => {
    const world = await startTenants(t)
    const forms = [
      { iss: world.one.issuer },
      { aud: 'gamma-client' },
      { aud: ['acme-client', 'gamma-client'] },
    ]
    for (const idTokenClaims of forms) {
      world.two.script.idTokenClaims = idTokenClaims
      const user = world.newBrowser('acme')
      assert.equal(codeOf(await user.navigate('/login')), 'login_failed')
      assert.equal((await world.session('acme', user))['authenticated'], false)
    }
  },
)

test(
  'R9 the issuer of a tenant changes between login and callback › the code goes to neither',
  limit,
  async (t) => {
    const backend = memoryBackend({ clock: systemClock })
    const before = await startTenants(t, { backend })
    const user = before.newBrowser('acme')
    const callback = await codesOf(before, user, 'acme')
    const after = await startTenants(t, {
      backend,
      config: (config) => ({
        ...config,
        tenants: config.tenants.map((tenant) => ({
          ...tenant,
          issuer: asIssuer(before.one.issuer),
        })),
      }),
    })
    const answer = await send(`${after.places.acme.origin}/callback${callback.search}`, {
      headers: { accept: 'text/html', 'sec-fetch-mode': 'navigate', cookie: user.cookieHeader() },
    })
    assert.equal(codeOf(answer), 'login_failed')
    for (const world of [before, after])
      assert.equal(world.one.tokenRequests.length + world.two.tokenRequests.length, 0)
  },
)

test(
  'R9 the issuer of a tenant changes while a session lives › no session there; its tokens go neither to the new issuer nor to the API',
  limit,
  async (t) => {
    const backend = memoryBackend({ clock: systemClock })
    const before = await startTenants(t, { backend })
    const people = await Promise.all(
      tenantNames.map(async (name) => {
        const cookies = [...(await before.loggedIn(name)).cookies()]
        return [name, cookies.map(([key, { value }]) => `${key}=${value}`).join('; ')] as const
      }),
    )
    // Each world has issuers of its own; all else is the same.
    const after = await startTenants(t, { backend })
    for (const [name, cookie] of people) {
      assert.equal((await before.callWith(name, '/api/x', cookie)).status, 200)
      const call = await after.callWith(name, '/api/x', cookie)
      assert.deepEqual([call.status, codeOf(call)], [401, 'session_expired'], name)
      const session = await after.callWith(name, '/session', cookie)
      assert.equal(session.json()['authenticated'], false, name)
    }
    assert.equal(after.upstream.seen.length, 0)
    assert.equal(after.one.tokenRequests.length + after.two.tokenRequests.length, 0)
  },
)

test(
  "login › iss of another tenant's issuer at a third party's login initiation › 400",
  limit,
  async (t) => {
    const world = await startTenants(t)
    const iss = encodeURIComponent(world.one.issuer)
    const answer = await world.newBrowser('acme').visit(`/login?iss=${iss}`)
    assert.deepEqual([answer.status, codeOf(answer)], [400, 'invalid_parameter'])
  },
)
