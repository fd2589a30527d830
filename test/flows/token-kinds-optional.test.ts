import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sendJson } from '../support/plain-http.ts'
import { limit, startKinds } from './token-kinds-world.ts'

test('optional › public, nobody is logged in › goes without a token', limit, async (t) => {
  const { world } = await startKinds(t)
  assert.equal((await world.newBrowser().call('/optional/x')).status, 200)
  assert.equal(world.upstream.last().headers.authorization, undefined)
})

test("optional › public, somebody is logged in › the user's token goes along", limit, async (t) => {
  const { tokenAt } = await startKinds(t)
  assert.equal(await tokenAt('/optional/x'), await tokenAt('/api/x'))
})

test('optional › public, a session that has run out › goes without a token', limit, async (t) => {
  const { world, user, tokenAt } = await startKinds(t)
  const headers = { cookie: user.cookieHeader() }
  world.clock.advance(1_900)
  assert.equal((await user.call('/optional/x', { headers })).status, 200)
  assert.equal(world.upstream.last().headers.authorization, undefined)
  assert.equal(await tokenAt('/optional/x'), undefined)
})

test('optional › public, a login that is over at the provider › goes without a token, and the session has ended', limit, async (t) => {
  const { world, user } = await startKinds(t)
  world.issuer.script.interceptToken = (_request, res) => {
    sendJson(res, 400, { error: 'invalid_grant' })
    return true
  }
  for (let hours = 0; hours < 3; hours += 1) {
    world.clock.advance(1_300)
    await user.session()
  }
  const headers = { cookie: user.cookieHeader() }
  assert.equal((await user.call('/optional/x', { headers })).status, 200)
  assert.equal(world.upstream.last().headers.authorization, undefined)
  assert.equal((await user.session())['authenticated'], false)
}) // prettier-ignore

test('optional › public, a logout › the next call goes without a token', limit, async (t) => {
  const { world, user } = await startKinds(t)
  const headers = { cookie: user.cookieHeader() }
  await user.call('/logout', { method: 'POST', headers: await user.csrf() })
  assert.equal((await user.call('/optional/x', { headers })).status, 200)
  assert.equal(world.upstream.last().headers.authorization, undefined)
})
