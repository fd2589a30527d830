import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import type { ClaimHeader } from '../../server/config/config.ts'
import type { Pair } from '../support/raw.ts'
import { appHeaders, openDoor } from '../support/raw.ts'
import { route, startWorld } from '../support/world.ts'

const headers: readonly ClaimHeader[] = [
  { name: 'x-user', parts: [{ claim: 'sub' }] },
  { name: 'x-department', parts: [{ claim: 'dept' }] },
  { name: 'x-street', parts: [{ claim: 'address.street' }] },
  { name: 'x-missing', parts: [{ claim: 'no_such_claim' }] },
]

const setUp = async (t: TestContext) => {
  const world = await startWorld(t, {
    routes: ({ origin }) => [
      route('/api/x', origin, { headers, websocket: true }),
      route('/api/open', origin, { headers, public: true, token: 'optional' }),
    ],
  })
  world.issuer.script.idTokenClaims = { dept: 'Köche', address: { street: 'Ring 1' } }
  return { world, user: await world.loggedIn() }
}

/** What anybody may try to pass off as the broker's word. */
const forged: readonly Pair[] = [
  ['X-User', 'root'],
  ['X-DEPARTMENT', 'root'],
  ['x-department', 'root'],
  ['X_Department', 'root'],
  ['X-Street', 'root'],
  ['X-Missing', 'root'],
]

test(
  "headers › claims of the session (R20) › reach the upstream once each, the browser's copies never",
  { timeout: 30_000 },
  async (t) => {
    const { world, user } = await setUp(t)
    const door = await openDoor(t, world)
    const answer = await door.ask('GET /api/x', [...(await appHeaders(user)), ...forged])
    assert.equal(answer.status, 200)
    const { headers: seen, rawHeaders } = world.upstream.last()
    assert.equal(seen['x-user'], 'user-1')
    assert.equal(seen['x-department'], 'K%C3%B6che')
    assert.equal(seen['x-street'], 'Ring 1')
    assert.equal(seen['x-missing'], undefined)
    assert.ok(!rawHeaders.includes('root'))
  },
)

test(
  'headers › no session on a public route (R20) › none of them, not even the copies of the browser',
  { timeout: 30_000 },
  async (t) => {
    const { world } = await setUp(t)
    const door = await openDoor(t, world)
    assert.equal((await door.ask('GET /api/open', forged)).status, 200)
    assert.ok(!world.upstream.last().rawHeaders.includes('root'))
    assert.equal(world.upstream.last().headers['x-user'], undefined)
  },
)

test(
  'headers › Connection names one of them (HTTP-7.6.1-b) › it is sent all the same',
  { timeout: 30_000 },
  async (t) => {
    const { world, user } = await setUp(t)
    const named = { connection: 'close, X-Department' }
    assert.equal((await user.call('/api/x', { headers: named })).status, 200)
    assert.equal(world.upstream.last().headers['x-department'], 'K%C3%B6che')
  },
)

test(
  'headers › a WebSocket, and a call that is sent again with another token › carry them too',
  { timeout: 30_000 },
  async (t) => {
    const { world, user } = await setUp(t)
    const handshake = { cookie: user.cookieHeader(), origin: world.origin }
    const url = `${world.origin.replace('http', 'ws')}/api/x`
    const ws = new WebSocket(url, { headers: { ...handshake, 'x-department': 'root' } })
    await once(ws, 'error')
    assert.equal(world.upstream.last().headers['x-department'], 'K%C3%B6che')
    world.upstream.answerWith((_req, res) => {
      const spent = world.upstream.seen.length === 2
      res.writeHead(spent ? 401 : 200, { 'www-authenticate': 'Bearer error="invalid_token"' }).end()
    })
    assert.equal((await user.call('/api/x')).status, 200)
    assert.equal(world.upstream.seen.length, 3)
    assert.equal(world.upstream.last().headers['x-department'], 'K%C3%B6che')
  },
)

test(
  'headers › /session › shows none of the claims that only headers are made of',
  { timeout: 30_000 },
  async (t) => {
    const { user } = await setUp(t)
    const session = await user.session()
    assert.doesNotMatch(JSON.stringify(session), /dept|Köche|Ring 1/)
    assert.equal((session['user'] as { sub: string }).sub, 'user-1')
  },
)
