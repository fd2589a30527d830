import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { sendJson } from '../support/plain-http.ts'
import { eventually } from '../support/raw.ts'
import { limit, refuseTokens, startKinds, tokenReader } from './token-kinds-world.ts'

/** Somebody whose token has ten seconds to live: it is sent on, and a refresh is due. */
const startAgeing = async (t: TestContext) => {
  const kinds = await startKinds(t)
  const own = await kinds.tokenAt('/api/x')
  for (const seconds of [1_700, 1_700, 190]) {
    await kinds.user.session()
    kinds.world.clock.advance(seconds)
  }
  return { ...kinds, own }
}

test("exchange › the user's token was refreshed (TX-x) › the one exchanged for the old token goes no more", limit, async (t) => {
  const { world, exchanges, tokenAt, forgetUsersTokens } = await startKinds(t)
  const old = await tokenAt('/exchange/x')
  assert.equal(await tokenAt('/exchange/x'), old)
  const own = await tokenAt('/api/x')
  forgetUsersTokens()
  refuseTokens(world, (token) => token === own)
  assert.notEqual(await tokenAt('/api/x'), own)
  assert.equal(world.issuer.grants('refresh_token'), 1)
  assert.notEqual(await tokenAt('/exchange/x'), old)
  assert.deepEqual([exchanges().length, exchanges()[1]?.get('subject_token') === own], [2, false])
}) // prettier-ignore

test("exchange › the user's token near its end (TX-x) › refreshed first, so that one exchange is enough", limit, async (t) => {
  const { world, user, exchanges, own } = await startAgeing(t)
  const answers = await Promise.all(
    ['/exchange/x', '/api/x', '/exchange/y'].map((path) => user.call(path)),
  )
  assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200])
  await user.call('/exchange/x')
  assert.equal(world.issuer.grants('refresh_token'), 1)
  assert.equal(exchanges().length, 1)
  assert.notEqual(exchanges()[0]?.get('subject_token'), own)
}) // prettier-ignore

test("exchange › the user's token near its end, refreshes fail › exchanged for what is at hand", limit, async (t) => {
  const { world, exchanges, own, tokenAt } = await startAgeing(t)
  const grants = world.issuer.script.interceptToken
  world.issuer.script.interceptToken = (request, res) => {
    if (request.grantType !== 'refresh_token') return grants(request, res)
    sendJson(res, 503, {})
    return true
  }
  assert.match((await tokenAt('/exchange/x')) ?? '', /^tx-/)
  assert.equal(exchanges()[0]?.get('subject_token'), own)
}) // prettier-ignore

test("exchange › under way while the user's token is refreshed (TX-x) › its answer serves once and is not kept", limit, async (t) => {
  const { world, user, script, exchanges, tokenAt } = await startKinds(t)
  const own = await tokenAt('/api/x')
  script.delayMs = 300
  const calling = user.call('/exchange/x')
  await eventually('the exchange is asked for', () => exchanges().length === 1)
  refuseTokens(world, (token) => token === own)
  assert.notEqual(await tokenAt('/api/x'), own)
  assert.equal((await calling).status, 200)
  await tokenAt('/exchange/x')
  await tokenAt('/exchange/x')
  assert.deepEqual(
    exchanges().map((asked) => asked.get('subject_token') === own),
    [true, false],
  )
}) // prettier-ignore

test('exchange › after a logout the same person logs in (TX-x) › the new session has its own', limit, async (t) => {
  const { world, user, exchanges, tokenAt } = await startKinds(t)
  const old = await tokenAt('/exchange/x')
  await user.call('/logout', { method: 'POST', headers: await user.csrf() })
  const again = await tokenReader(world, await world.loggedIn())('/exchange/x')
  assert.notEqual(again, old)
  assert.equal(exchanges().length, 2)
}) // prettier-ignore
