import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { entraClient } from '../support/entra-facts.ts'
import { route } from '../support/world.ts'
import { limit, startEntraWorld } from './entra-world.ts'

const ours = `api://${entraClient.id}/access_as_user`
const theirs = 'api://billing/Bills.Read'

const start = (t: TestContext, { login = `openid offline_access ${ours}`, service = 'api://stock/.default' } = {}) =>
  startEntraWorld(t, { OIDC_SCOPE: login }, ({ origin }) => [
    route('/bills', origin, { token: 'exchange', scope: theirs }),
    route('/stock', origin, { token: 'service', scope: service }),
  ]) // prettier-ignore

test("entra, on behalf of › a call › the user's token as assertion, in the profile's own words (TX-2-a)", limit, async (t) => {
  const { entra, upstream, loggedIn } = await start(t)
  const user = await loggedIn()
  await user.call('/api/x')
  const own = (upstream.last().headers.authorization ?? '').replace('Bearer ', '')
  for (let calls = 0; calls < 3; calls += 1)
    assert.equal((await user.call('/bills/x')).status, 200)
  assert.match(upstream.last().headers.authorization ?? '', /^Bearer EwA/)
  const asked = entra.tokenRequests.slice(1)
  assert.deepEqual(asked.map(({ parameters }) => Object.fromEntries(parameters)), [
    {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      requested_token_use: 'on_behalf_of',
      scope: theirs,
      assertion: own,
    },
  ])
}) // prettier-ignore

test('entra, on behalf of › the exchanged token over › the refreshed user token is the next assertion', limit, async (t) => {
  const { entra, clock, upstream, loggedIn } = await start(t)
  const user = await loggedIn()
  await user.call('/bills/x')
  const first = upstream.last().headers.authorization
  clock.advance(5_401)
  assert.equal((await user.call('/bills/x')).status, 200)
  assert.notEqual(upstream.last().headers.authorization, first)
  assert.equal(entra.refreshes().length, 1)
}) // prettier-ignore

test('entra, on behalf of › a login for another resource › 502, and the log has AADSTS500131', limit, async (t) => {
  const { loggedIn, upstream, log } = await start(t, { login: 'openid offline_access' })
  const user = await loggedIn()
  const answer = await user.call('/bills/x')
  assert.deepEqual([answer.status, answer.json()['code']], [502, 'token_refused'])
  assert.equal(upstream.seen.length, 0)
  assert.match(log(), /AADSTS500131/)
}) // prettier-ignore

for (const [scope, status] of [
  ['api://stock/.default', 200],
  ['api://stock/Stock.Read', 502],
] as const)
  test(`entra, client credentials › scope ${scope} › ${status}`, limit, async (t) => {
    const { entra, loggedIn, log } = await start(t, { service: scope })
    const user = await loggedIn()
    assert.equal((await user.call('/stock/x')).status, status)
    assert.deepEqual(Object.fromEntries(entra.tokenRequests.at(-1)?.parameters ?? []), {
      grant_type: 'client_credentials',
      scope,
    })
    assert.equal(log().includes('AADSTS1002012'), status === 502)
  })
