import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request } from 'node:http'
import test from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { startDemoApi } from '../../server/demo/api.ts'
import { logIn, startWorld } from './world.ts'

type Problem = { readonly status: number; readonly code: string; readonly detail: string }
type Me = { readonly name: string; readonly roles: string[]; readonly token: { exp: number } }
type Orders = { readonly orders: readonly { readonly item: string; readonly by: string }[] }

const call = (origin: string, path: string, token: string, init: RequestInit = {}) =>
  fetch(new URL(path, origin), { ...init, headers: { Authorization: `Bearer ${token}` } })

const json = async <T>(response: Response): Promise<T> => (await response.json()) as T

test('demo API › no token › 401 with a challenge and no error code', async (t) => {
  const { demo } = await startWorld(t)
  const response = await fetch(`${demo.upstream}/api/me`)
  assert.equal(response.status, 401)
  assert.equal(response.headers.get('www-authenticate'), 'Bearer realm="demo-api"')
  assert.equal(response.headers.get('content-type'), 'application/problem+json')
})

test('demo API › tampered or foreign token › 401 invalid_token', async (t) => {
  const world = await startWorld(t)
  const { access_token: token, id_token: idToken } = (await logIn(world, 'alice')).tokens
  const unsigned = `${btoa('{"alg":"none","typ":"at+jwt"}')}.${token.split('.')[1] ?? ''}.`
  for (const bad of ['x', `${token.slice(0, -9)}AAAAAAAAA`, unsigned, idToken ?? '']) {
    const response = await call(world.demo.upstream, '/api/me', bad)
    assert.equal(response.status, 401, bad)
    assert.match(response.headers.get('www-authenticate') ?? '', /error="invalid_token"/)
  }
})

test('demo API › token for another audience › 401', async (t) => {
  const world = await startWorld(t)
  const { tokens } = await logIn(world, 'alice')
  const other = await startDemoApi({ issuer: world.demo.issuer, audience: 'urn:other' })
  t.after(other.close)
  assert.equal((await call(other.origin, '/api/me', tokens.access_token)).status, 401)
  assert.equal((await call(world.demo.upstream, '/api/me', tokens.access_token)).status, 200)
})

test('demo API › expired token › 401', async (t) => {
  const world = await startWorld(t, { accessTokenSeconds: 1 })
  const { tokens } = await logIn(world, 'alice')
  await setTimeout(2_000)
  assert.equal((await call(world.demo.upstream, '/api/me', tokens.access_token)).status, 401)
})

test('demo API › provider out of reach › 503, not 401', async (t) => {
  const world = await startWorld(t)
  const { tokens } = await logIn(world, 'alice')
  const api = await startDemoApi({ issuer: 'http://127.0.0.1:9', audience: 'urn:x' })
  t.after(api.close)
  assert.equal((await call(api.origin, '/api/me', tokens.access_token)).status, 503)
})

test('demo API › me › tells who, and which token, without the token', async (t) => {
  const world = await startWorld(t)
  const { tokens } = await logIn(world, 'root')
  const response = await call(world.demo.upstream, '/api/me', tokens.access_token)
  const text = await response.clone().text()
  assert.ok(!text.includes(tokens.access_token.split('.')[2] ?? ''))
  const me = await json<Me>(response)
  assert.equal(me.name, 'Robin Root')
  assert.ok(me.roles.includes('admin'))
  assert.ok(me.token.exp > Date.now() / 1_000)
})

const order = { method: 'POST', body: '{"item":" Padlock ","quantity":2}' }

test('demo API › orders-write › adds an order that reading shows first', async (t) => {
  const world = await startWorld(t)
  const { access_token: alice } = (await logIn(world, 'alice')).tokens
  assert.equal((await call(world.demo.upstream, '/api/orders', alice, order)).status, 201)
  const { orders } = await json<Orders>(await call(world.demo.upstream, '/api/orders', alice))
  assert.deepEqual([orders[0]?.item, orders[0]?.by], ['Padlock', 'Alice Archer'])
})

test('demo API › orders-read alone › reads, and is refused to write', async (t) => {
  const world = await startWorld(t)
  const { access_token: bob } = (await logIn(world, 'bob')).tokens
  assert.equal((await call(world.demo.upstream, '/api/orders', bob)).status, 200)
  const refused = await call(world.demo.upstream, '/api/orders', bob, order)
  assert.equal(refused.status, 403)
  assert.equal((await json<Problem>(refused)).code, 'forbidden_role')
})

test('demo API › unknown path, unknown method › 404, 405 with Allow', async (t) => {
  const world = await startWorld(t)
  const { access_token: bob } = (await logIn(world, 'bob')).tokens
  assert.equal((await call(world.demo.upstream, '/api/nothing', bob)).status, 404)
  const refused = await call(world.demo.upstream, '/api/orders', bob, { method: 'DELETE' })
  assert.deepEqual([refused.status, refused.headers.get('allow')], [405, 'GET, POST'])
})

test('demo API › oversized order › 413', async (t) => {
  const world = await startWorld(t)
  const { access_token: alice } = (await logIn(world, 'alice')).tokens
  const init = { method: 'POST', body: 'x'.repeat(5_000) }
  assert.equal((await call(world.demo.upstream, '/api/orders', alice, init)).status, 413)
})

for (const body of [
  '',
  '[]',
  '{"item":"x"}',
  '{"item":"","quantity":1}',
  '{"item":"x","quantity":0}',
])
  test(`demo API › order ${body || 'without body'} › 400 with the field`, async (t) => {
    const world = await startWorld(t)
    const { tokens } = await logIn(world, 'alice')
    const init = { method: 'POST', body }
    const response = await call(world.demo.upstream, '/api/orders', tokens.access_token, init)
    assert.equal(response.status, 400)
    assert.match((await json<Problem>(response)).detail, /JSON object|item|quantity/)
  })

test('demo API › events › ticks, and closing the demo ends the stream', async (t) => {
  const world = await startWorld(t)
  const { tokens } = await logIn(world, 'bob')
  const headers = { Authorization: `Bearer ${tokens.access_token}` }
  const sent = request(new URL('/api/events', world.demo.upstream), { headers }).end()
  const [response] = (await once(sent, 'response')) as [NodeJS.ReadableStream]
  const [chunk] = (await once(response, 'data')) as [Buffer]
  assert.match(chunk.toString(), /event: tick\ndata: \{"n":1/)
  const ended = once(response, 'error')
  response.resume()
  await world.demo.close()
  await ended
})
