import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { withTenants } from '../support/reload.ts'
import { startTenants } from '../support/tenants.ts'
import { route } from '../support/world.ts'

/** Four tenants and an API that says by WebSocket what it is told; somebody is connected at acme's. */
const startTalking = async (t: TestContext) => {
  const world = await startTenants(t, {
    routes: ({ origin }) => [route('/api/talk', origin, { websocket: true })],
  })
  const echo = new WebSocketServer({ noServer: true })
  t.after(() => echo.clients.forEach((one) => one.terminate()))
  world.upstream.upgradeWith((req, socket, head) =>
    echo.handleUpgrade(req, socket, head, (ws) => {
      ws.on('message', (data) => ws.send(data))
    }),
  )
  const user = await world.loggedIn('acme')
  const dial = async () => {
    const { origin } = world.places.acme
    const ws = new WebSocket(`ws://127.0.0.1:${world.port}/api/talk`, {
      headers: { host: new URL(origin).host, origin, cookie: user.cookieHeader() },
    })
    t.after(() => ws.terminate())
    await once(ws, 'open')
    return ws
  }
  return { world, dial }
}

const echoOf = async (ws: WebSocket, text: string): Promise<string> => {
  ws.send(text)
  const [answer] = (await once(ws, 'message')) as [Buffer]
  return answer.toString()
}

test('reload › a WebSocket is open, other routes and other settings of its tenant › it goes on, and so does one that is opened then', async (t) => {
  const { world, dial } = await startTalking(t)
  const { broker, config } = world
  const early = await dial()
  const changed = withTenants(world, ['acme', 'beta'], { scope: 'openid', timeoutMs: 900 })
  await broker.reload(changed)
  const later = await dial()
  await broker.reload({ ...changed, routes: config.routes.map((one) => ({ ...one, csrf: false })) })
  for (const ws of [early, later]) assert.equal(await echoOf(ws, 'still there'), 'still there')
})

test('reload › a WebSocket of a tenant that is removed, whose settings had changed before › it is closed with 4401', async (t) => {
  const { world, dial } = await startTalking(t)
  const early = await dial()
  await world.broker.reload(withTenants(world, ['acme', 'beta'], { timeoutMs: 900 }))
  const later = await dial()
  const closed = [early, later].map((ws) => once(ws, 'close'))
  await world.broker.reload(withTenants(world, ['beta']))
  for (const [code] of await Promise.all(closed)) assert.equal(code, 4401)
})

test('reload › a login under way, its tenant gets other settings › it ends well; removed meanwhile and put back, it does not', async (t) => {
  const { world } = await startTalking(t)
  const { broker, config, address } = world
  const one = world.newBrowser('acme')
  const asked = await one.visit(address('acme', '/login'))
  await broker.reload(withTenants(world, ['acme', 'beta'], { timeoutMs: 900 }))
  await one.navigate(asked.headers.location ?? '', 'cross-site')
  assert.equal((await world.session('acme', one))['authenticated'], true)
  const two = world.newBrowser('acme')
  const askedAgain = await two.visit(address('acme', '/login'))
  await broker.reload(withTenants(world, ['beta']))
  await broker.reload(config)
  await two.navigate(askedAgain.headers.location ?? '', 'cross-site')
  assert.equal((await world.session('acme', two))['authenticated'], false)
})
