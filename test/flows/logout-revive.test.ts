import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import express from 'express'
import type { TestContext } from 'node:test'
import { silentLog } from '../../server/core/log.ts'
import { systemRandom } from '../../server/core/random.ts'
import { sessionMiddleware } from '../../server/session/middleware.ts'
import { records } from '../../server/session/records.ts'
import { sealer } from '../../server/session/seal.ts'
import { send } from '../support/browser.ts'
import { gate } from '../support/gate.ts'
import { openCallback, pendingCallback } from '../support/login-steps.ts'
import { worthOf, worthless } from '../support/logout-steps.ts'
import type { World } from '../support/world.ts'
import { listen, startWorld } from '../support/world.ts'

/** A page of someone's own on the same sessions, slow between reading its session and saving it. */
const startSlowPage = async (t: TestContext, { config, backend }: World) => {
  const { session } = config
  const store = records({
    backend,
    log: silentLog,
    sealer: sealer(session.keys, systemRandom),
    life: session,
  })
  const app = express()
  app.use(
    ...sessionMiddleware({
      records: store,
      settings: session,
      cookieName: 'session',
      secure: false,
      random: systemRandom,
    }),
  )
  // Quiet: the refused save is an error that Express would print.
  app.set('env', 'test')
  const [arrived, go] = [gate<undefined>(), gate<undefined>()]
  let hadSession = false
  app.get('/slow', async (req, res) => {
    hadSession = req.session.principal !== undefined
    arrived.resolve(undefined)
    await go.promise
    req.session.createdAtMs = 1
    res.end('late')
  })
  const server = createServer(app)
  const origin = `http://localhost:${await listen(server)}`
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    origin,
    arrived: arrived.promise,
    hadSession: () => hadSession,
    finish: () => go.resolve(undefined),
  }
}

test('logout › a slow request that saves its session afterwards › does not revive it (R13, V7.4.1)', async (t) => {
  const world = await startWorld(t)
  const page = await startSlowPage(t, world)
  const user = await world.loggedIn()
  const cookie = user.cookieHeader()
  const slow = send(`${page.origin}/slow`, { headers: { cookie } })
  await page.arrived
  assert.equal(page.hadSession(), true)
  await user.call('/logout', { method: 'POST', headers: await user.csrf() })
  page.finish()
  await slow.catch(() => undefined)
  assert.deepEqual(await worthOf(world.origin, cookie), worthless)
})

test('logout › the same slow request without a logout › saves its session: the case above is a real one', async (t) => {
  const world = await startWorld(t)
  const page = await startSlowPage(t, world)
  const user = await world.loggedIn()
  const cookie = user.cookieHeader()
  const slow = send(`${page.origin}/slow`, { headers: { cookie } })
  await page.arrived
  assert.equal(page.hadSession(), true)
  page.finish()
  assert.equal((await slow).text, 'late')
  assert.deepEqual(await worthOf(world.origin, cookie), { authenticated: true, api: '200' })
})

test('logout › a refresh under way › its tokens come home too late: revoked, the session stays dead (R13)', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  const cookie = user.cookieHeader()
  const headers = await user.csrf()
  world.clock.advance(400)
  const [asked, go] = [gate<undefined>(), gate<undefined>()]
  world.issuer.script.interceptToken = async () => {
    asked.resolve(undefined)
    await go.promise
    return false
  }
  const call = user.call('/api/x')
  await asked.promise
  await user.call('/logout', { method: 'POST', headers })
  go.resolve(undefined)
  assert.equal((await call).status, 401)
  assert.equal(world.upstream.seen.length, 0)
  assert.deepEqual(await worthOf(world.origin, cookie), worthless)
  assert.equal(new Set(world.issuer.revoked).size, 2)
})

test('logout › while another tab steps up › the old session stays dead, the new login stands (R13)', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  const old = user.cookieHeader()
  const callback = await pendingCallback(user, '/login?prompt=login')
  await user.call('/logout', { method: 'POST', headers: await user.csrf() })
  await openCallback(user, callback)
  assert.deepEqual(await worthOf(world.origin, old), worthless)
  assert.equal((await user.session())['authenticated'], true)
})

test('logout › every call after it › 401 session_revoked, from the first on (V7.4.1)', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  const cookie = user.cookieHeader()
  await user.call('/logout', { method: 'POST', headers: await user.csrf() })
  const all = await Promise.all(Array.from({ length: 20 }, () => worthOf(world.origin, cookie)))
  for (const worth of all) assert.deepEqual(worth, worthless)
  world.clock.advance(43_000)
  assert.deepEqual(await worthOf(world.origin, cookie), worthless)
  assert.equal(world.upstream.seen.length, 0)
})
