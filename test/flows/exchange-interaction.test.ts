import assert from 'node:assert/strict'
import { test } from 'node:test'
import { authorizationRequest } from '../support/login-steps.ts'
import { sendJson } from '../support/plain-http.ts'
import { stepUpUrl } from '../support/step-up.ts'
import { limit, startKinds } from './token-kinds-world.ts'

const claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'

test(
  'exchange › interaction_required with claims (STEP-4-a) › 401 step_up_required, asked for once; after that login the call passes',
  limit,
  async (t) => {
    const { user, script, exchanges, tokenAt } = await startKinds(t)
    script.intercept = (res) => {
      sendJson(res, 400, { error: 'interaction_required', claims })
      return true
    }
    const url = await stepUpUrl(user, '/exchange/x')
    for (let calls = 0; calls < 3; calls += 1)
      assert.equal(await stepUpUrl(user, '/exchange/x'), url)
    assert.equal(exchanges().length, 1)
    assert.equal((await user.call('/api/x')).status, 200)
    const { searchParams } = await authorizationRequest(user, url)
    assert.equal(searchParams.get('claims'), claims)
    script.intercept = () => false
    await user.navigate(url, 'same-origin')
    assert.match((await tokenAt('/exchange/x')) ?? '', /^tx-/)
  },
)

test(
  'exchange › interaction_required while the token at hand lives › it serves on to its end',
  limit,
  async (t) => {
    const { world, user, script, tokenAt } = await startKinds(t)
    const old = await tokenAt('/exchange/x')
    script.intercept = (res) => {
      sendJson(res, 400, { error: 'interaction_required' })
      return true
    }
    world.clock.advance(280)
    assert.equal(await tokenAt('/exchange/x'), old)
    world.clock.advance(30)
    await stepUpUrl(user, '/exchange/x')
  },
)

test(
  "exchange › the user's own token can be refreshed by a login alone › 401 step_up_required there too",
  limit,
  async (t) => {
    const { world } = await startKinds(t)
    world.issuer.script.accessTokenSeconds = 600
    const user = await world.loggedIn()
    const grants = world.issuer.script.interceptToken
    world.issuer.script.interceptToken = (request, res) => {
      if (request.grantType !== 'refresh_token') return grants(request, res)
      sendJson(res, 400, { error: 'login_required' })
      return true
    }
    world.clock.advance(601)
    await stepUpUrl(user, '/exchange/x')
    assert.equal((await user.session())['authenticated'], true)
  },
)

test(
  "service › interaction_required › 502 token_refused as ever: no person's login would help",
  limit,
  async (t) => {
    const { user, script } = await startKinds(t)
    script.intercept = (res) => {
      sendJson(res, 400, { error: 'interaction_required', claims })
      return true
    }
    const answer = await user.call('/service/x')
    assert.deepEqual([answer.status, answer.json()['code']], [502, 'token_refused'])
  },
)
