import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { test } from 'node:test'
import { systemClock } from '../../server/core/clock.ts'
import type { Backend } from '../../server/session/backend.ts'
import { memoryBackend } from '../../server/session/memory-backend.ts'
import { send } from '../support/browser.ts'
import { scriptedClient } from '../support/scripted-issuer.ts'
import type { World } from '../support/world.ts'
import { startWorld } from '../support/world.ts'

const event = 'http://schemas.openid.net/event/backchannel-logout'

const tokenOf = (world: World, change: Record<string, unknown>): Promise<string> => {
  const iat = Math.floor(Date.now() / 1_000)
  const { issuer } = world.issuer
  const base = { iss: issuer, aud: scriptedClient.id, iat, exp: iat + 120, jti: randomUUID() }
  return world.issuer.sign({ ...base, events: { [event]: {} }, ...change }, { typ: 'logout+jwt' })
}

const post = async (world: World, token: string): Promise<number> => {
  const body = new URLSearchParams({ logout_token: token }).toString()
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return (await send(`${world.origin}/backchannel-logout`, { method: 'POST', headers, body }))
    .status
}

/** A store that calls `before` ahead of each creation of a session's record. */
const withHook = (before: (kind: string) => Promise<void>): Backend => {
  const backend = memoryBackend({ clock: systemClock })
  return {
    ...backend,
    create: async (id, kind, sealed, life) => {
      await before(kind)
      return await backend.create(id, kind, sealed, life)
    },
  }
}

for (const kind of ['vault', 'listing', 'session'] as const)
  for (const [by, change] of [
    ['sid', { sid: 'op-session-1' }],
    ['sub', { sub: 'user-1' }],
  ] as const)
    test(`backchannel-logout › R18 by ${by}, before the ${kind} is stored › the login does not slip past`, async (t) => {
      let armed = true
      const holder: { world?: World } = {}
      const world = await startWorld(t, {
        backend: withHook(async (created) => {
          if (!armed || created !== kind || holder.world === undefined) return
          armed = false
          assert.equal(await post(holder.world, await tokenOf(holder.world, change)), 200)
        }),
      })
      holder.world = world
      const user = world.newBrowser()
      const landed = await user.navigate('/login')
      assert.equal(armed, false)
      assert.equal(landed.status, 400)
      assert.equal((await user.session())['authenticated'], false)
      assert.equal(user.cookies().has('session'), false)
    })

for (const [by, change] of [
  ['sid', { sid: 'op-session-1' }],
  ['sub', { sub: 'user-1' }],
] as const)
  test(`backchannel-logout › R18 by ${by}, while the provider takes 7 s for the tokens › the login does not slip past`, async (t) => {
    const world = await startWorld(t)
    world.issuer.script.interceptToken = async () => {
      assert.equal(await post(world, await tokenOf(world, change)), 200)
      world.clock.advance(7)
      return false
    }
    const user = world.newBrowser()
    const landed = await user.navigate('/login')
    assert.equal(landed.status, 400)
    assert.equal((await user.session())['authenticated'], false)
  })

test('backchannel-logout › R18 BCL-2.6-8 sent again after the next login › 400, and that session stays', async (t) => {
  const world = await startWorld(t)
  const first = await world.loggedIn()
  const token = await tokenOf(world, { sub: 'user-1' })
  assert.equal(await post(world, token), 200)
  assert.equal((await first.session())['authenticated'], false)
  world.clock.advance(10)
  const second = await world.loggedIn()
  assert.equal(await post(world, token), 400)
  assert.equal((await second.session())['authenticated'], true)
})

test('backchannel-logout › R18 an old token with a new jti › a session created 5 s after its iat stays', async (t) => {
  const world = await startWorld(t)
  const iat = Math.floor(Date.now() / 1_000) - 60
  const user = await world.loggedIn()
  assert.equal(await post(world, await tokenOf(world, { sub: 'user-1', iat })), 200)
  assert.equal((await user.session())['authenticated'], true)
})

test('backchannel-logout › 20 at once with one jti (BCL-2.6-8) › one is accepted', async (t) => {
  const world = await startWorld(t)
  const token = await tokenOf(world, { sid: 'op-session-1' })
  const statuses = await Promise.all(Array.from({ length: 20 }, () => post(world, token)))
  assert.equal(statuses.filter((status) => status === 200).length, 1)
})
