import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Tenant } from '../../server/config/config.ts'
import { secret } from '../../server/core/secret.ts'
import { memoryBackend } from '../../server/session/memory-backend.ts'
import { statusOf, withTenants } from '../support/reload.ts'
import { startTenants } from '../support/tenants.ts'
import { route, testClock } from '../support/world.ts'

test('reload › a call under way, and one connection that calls again and again › neither is dropped', async (t) => {
  const world = await startTenants(t)
  const { broker, config, upstream, port } = world
  const user = await world.loggedIn('default')
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  const headers = { cookie: user.cookieHeader(), 'sec-fetch-site': 'same-origin' }
  const get = (path: string) => request({ host: 'localhost', port, path, agent, headers }).end()
  const ports = new Set<number | undefined>()
  for (let i = 0; i < 20; i += 1) {
    const call = get('/api/orders')
    const [answer] = (await once(call, 'response')) as [IncomingMessage]
    ports.add(call.socket?.localPort)
    answer.resume()
    await once(answer, 'end')
    assert.equal(answer.statusCode, 200)
    await broker.reload({ ...config, routes: config.routes.map((route) => ({ ...route })) })
  }
  assert.equal(ports.size, 1)
  let finish = (): void => undefined
  upstream.answerWith((_req, res) => {
    res.writeHead(200, { 'content-type': 'text/plain' }).write('half')
    finish = () => res.end(' and half')
  })
  const [slow] = (await once(get('/api/orders'), 'response')) as [IncomingMessage]
  await broker.reload({ ...config, routes: [] })
  finish()
  slow.setEncoding('utf8')
  assert.equal((await slow.toArray()).join(''), 'half and half')
})

test('reload › a tenant is removed › its sessions end for good, its host is nobody’s, and nobody else notices', async (t) => {
  const world = await startTenants(t)
  const { broker, address } = world
  const [gone, other] = [await world.loggedIn('acme'), await world.loggedIn('gamma')]
  const own = await world.loggedIn('default')
  await broker.reload(withTenants(world, ['beta', 'gamma']))
  assert.equal((await gone.call(address('acme', '/session'))).status, 421)
  assert.equal(await statusOf(world, 'gamma', other), 200)
  assert.equal(await statusOf(world, 'default', own), 200)
  await broker.reload(withTenants(world, ['acme', 'beta', 'gamma']))
  const back = await gone.call(address('acme', '/api/orders'))
  assert.deepEqual([back.status, back.json()['code']], [401, 'session_revoked'])
  await sleep(1_100)
  world.clock.advance(1_100)
  assert.equal(await statusOf(world, 'acme', await world.loggedIn('acme')), 200)
})

test('reload › another tenant changes › one that does not keeps what its rooms have learnt of its provider', async (t) => {
  const world = await startTenants(t)
  const { broker, address, two } = world
  const users = [await world.loggedIn('acme'), await world.loggedIn('gamma')] as const
  const asked = () => two.state.discoveryRequests
  const before = asked()
  const [acme, beta, gamma] = world.config.tenants ?? []
  assert.ok(acme && beta && gamma)
  const changed: Tenant = { ...gamma, scope: 'openid', clientAuth: { ...gamma.clientAuth } }
  await broker.reload({ ...world.config, tenants: [{ ...acme }, beta, changed] })
  assert.equal(await statusOf(world, 'acme', users[0]), 200)
  assert.equal(await statusOf(world, 'gamma', users[1]), 200)
  await world.loggedIn('acme')
  assert.equal(asked(), before)
  await world.loggedIn('gamma')
  assert.equal(asked(), before + 1)
  assert.equal((await world.newBrowser('gamma').visit(address('gamma', '/login'))).status, 303)
})

test('reload › a tenant’s secret changes, and nothing else › its rooms go by the new one', async (t) => {
  const world = await startTenants(t)
  await world.loggedIn('acme')
  const wrong = { method: 'client_secret_basic', secret: secret('wrong') } as const
  await world.broker.reload(withTenants(world, ['acme', 'beta', 'gamma'], { clientAuth: wrong }))
  const user = await world.loggedIn('acme')
  assert.equal((await world.session('acme', user))['authenticated'], false)
})

test('reload › a tenant is removed › what its sessions have open is cut', async (t) => {
  const world = await startTenants(t)
  const user = await world.loggedIn('gamma')
  world.upstream.answerWith((_req, res) => {
    res.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n')
  })
  const { port, address } = world
  const headers = { cookie: user.cookieHeader(), 'sec-fetch-site': 'same-origin' }
  const { pathname } = new URL(address('gamma', '/api/events'))
  const call = request({ host: 'localhost', port, path: pathname, headers }).end()
  const [stream] = (await once(call, 'response')) as [IncomingMessage]
  assert.equal(stream.statusCode, 200)
  stream.resume()
  // So that it counts as a stream.
  await sleep(300)
  const cut = once(stream, 'error')
  await world.broker.reload(withTenants(world, ['acme', 'beta']))
  await cut
})

for (const [what, change] of [
  ['client', { clientId: 'gamma-client' }],
  ['issuer', { issuer: 'https://elsewhere.example' as Tenant['issuer'] }],
] as const)
  test(`reload › a tenant gets another ${what} › its sessions end: their tokens are not for that`, async (t) => {
    const world = await startTenants(t)
    const user = await world.loggedIn('acme')
    await world.broker.reload(withTenants(world, ['acme'], change))
    assert.equal(await statusOf(world, 'acme', user), 401)
  })

test('reload › routes change › the next call goes by the new ones', async (t) => {
  const world = await startTenants(t)
  const { broker, config, address } = world
  const user = await world.loggedIn('default')
  const [api] = config.routes
  assert.ok(api !== undefined)
  const role = { roles: { any: ['nobody-has-it'] } }
  await broker.reload({ ...config, routes: [api, { ...api, path: '/api/new', require: role }] })
  assert.equal((await user.call(address('default', '/api/new'))).status, 403)
  assert.equal(await statusOf(world, 'default', user), 200)
  await broker.reload({ ...config, routes: [{ ...api, path: '/api/new' }] })
  assert.equal((await user.call(address('default', '/api/new'))).status, 200)
  assert.equal((await user.call(address('default', '/api/orders'))).status, 404)
})

test('reload › routes with limits › what was counted still counts', async (t) => {
  const limits = { rate: { calls: 3, seconds: 600 }, concurrent: 1 }
  const world = await startTenants(t, {
    routes: ({ origin }) => [
      route('/api/orders', origin, { limits: { rate: limits.rate } }),
      route('/api/one', origin, { limits: { concurrent: limits.concurrent } }),
    ],
  })
  const { broker, config, upstream, address } = world
  const user = await world.loggedIn('default')
  const again = () => ({ ...config, routes: config.routes.map((one) => ({ ...one })) })
  assert.equal(await statusOf(world, 'default', user), 200)
  await broker.reload(again())
  assert.equal(await statusOf(world, 'default', user), 200)
  await broker.reload(again())
  assert.equal(await statusOf(world, 'default', user), 200)
  assert.equal(await statusOf(world, 'default', user), 429)
  const asked = new Promise<() => void>((resolve) => {
    upstream.answerWith((_req, res) => resolve(() => void res.end()))
  })
  const slow = user.call(address('default', '/api/one'))
  const finish = await asked
  await broker.reload(again())
  assert.equal((await user.call(address('default', '/api/one'))).status, 429)
  finish()
  assert.equal((await slow).status, 200)
})

test('reload › many times › leaves nobody behind who listens to the store', async (t) => {
  const clock = testClock()
  const store = memoryBackend({ clock })
  let listening = 0
  const counted: typeof store.onChange = (listener) => {
    const stop = store.onChange(listener)
    listening += 1
    return () => {
      listening -= 1
      stop()
    }
  }
  const backend = { ...store, onChange: counted, onOwnWrite: counted }
  const world = await startTenants(t, { backend })
  const { broker, config } = world
  for (const name of ['acme', 'beta', 'default'] as const) await world.loggedIn(name)
  const before = listening
  for (let i = 0; i < 10; i += 1) {
    await broker.reload(withTenants(world, ['beta', 'gamma']))
    await broker.reload(config)
    await broker.reload({ ...config, routes: config.routes.map((one) => ({ ...one, csrf: i % 2 === 0 })) }) // prettier-ignore
    await world.loggedIn('acme')
  }
  for (const name of ['beta', 'default'] as const) await world.loggedIn(name)
  await sleep(50)
  assert.equal(listening, before)
})
