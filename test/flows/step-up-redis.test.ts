import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Requirement } from '../../server/config/config.ts'
import type { Answer, Browser } from '../support/browser.ts'
import { codeOf, openCallback } from '../support/login-steps.ts'
import { redisLane, startRedis } from '../support/redis-server.ts'
import { redisStore } from '../support/redis-store.ts'
import { send } from '../support/browser.ts'
import { startSecondBroker } from '../support/second-broker.ts'
import { challengeWith, loginsAre, mfa, startStrictWorld, stepUpUrl } from '../support/step-up.ts'

const lane = { ...redisLane(), timeout: 60_000 }

/** One person at two brokers, each with connections of its own to one Redis. */
const startTwo = async (t: TestContext, require: Requirement | undefined) => {
  const redis = await startRedis(t)
  const { world, user } = await startStrictWorld(t, require, { backend: redisStore(redis) })
  const second = await startSecondBroker(t, world, redisStore(redis))
  const host = new URL(world.origin).host
  /** A navigation that the load balancer sends to the second one. */
  const visitSecond = (by: Browser, address: string, site: 'same-origin' | 'cross-site') => {
    const { pathname, search } = new URL(address, world.origin)
    return by.visit(`${second.origin}${pathname}${search}`, site, { headers: { host } })
  }
  return { world, user, second, visitSecond }
}

/** From the provider's page back: the callback that an authorization request ends in. */
const callbackOf = async (started: Answer): Promise<URL> => {
  assert.equal(started.status, 303, started.text)
  const answer = await send(started.headers.location ?? '')
  return new URL(answer.headers.location ?? '')
}

const askedIn = ({ headers }: Answer) => {
  const { searchParams } = new URL(headers.location ?? '')
  return [searchParams.get('acr_values'), searchParams.get('max_age')]
}

test(
  'two brokers on one Redis, V7.5.3 › step-up asked on one, begun on the other, finished on the first › both serve the new session, neither the old',
  lane,
  async (t) => {
    const { world, user, second, visitSecond } = await startTwo(t, { acr: [mfa] })
    const url = await stepUpUrl(user, '/api/x', { referer: `${world.origin}/orders?page=2` })
    const old = { cookie: user.cookieHeader(), 'sec-fetch-site': 'same-origin' }
    loginsAre(world, { acr: mfa, secondsAgo: 0 })
    const started = await visitSecond(user, url, 'same-origin')
    assert.deepEqual(askedIn(started), [mfa, null])
    const landed = await openCallback(user, await callbackOf(started))
    assert.deepEqual([landed.status, landed.headers.location], [303, '/orders?page=2'])

    for (const answer of [await user.call('/api/x'), await second.call(user, '/api/x')])
      assert.equal(answer.status, 200, answer.text)
    assert.equal((await second.call(user, '/session')).json()['acr'], mfa)
    const { host } = new URL(world.origin)
    for (const origin of [world.origin, second.origin]) {
      const answer = await send(`${origin}/api/x`, { headers: { ...old, host } })
      assert.deepEqual([answer.status, codeOf(answer)], [401, 'session_revoked'])
    }
  },
)

test(
  "two brokers on one Redis, STEP-4-a › an API's challenge met on one › begun on the first, finished on the other; the API is content with both",
  lane,
  async (t) => {
    const { world, user, second, visitSecond } = await startTwo(t, undefined)
    const words = 'Bearer error="insufficient_user_authentication"'
    const content = challengeWith(world, `${words}, acr_values="${mfa}", max_age="5"`)
    const refused = await second.call(user, '/api/x')
    assert.equal(refused.json()['code'], 'step_up_required', refused.text)
    loginsAre(world, { acr: mfa, secondsAgo: 0 })
    const started = await user.visit(String(refused.json()['login_url']), 'same-origin')
    assert.deepEqual(askedIn(started), [mfa, '5'])
    const callback = await callbackOf(started)
    const landed = await visitSecond(user, callback.href, 'cross-site')
    assert.deepEqual([landed.status, landed.headers.location], [303, '/'])
    content()
    for (const answer of [await user.call('/api/x'), await second.call(user, '/api/x')])
      assert.equal(answer.text, 'taken')
  },
)

test(
  'two brokers on one Redis, R29 › 20 calls refused by both at once › one handle; the other browser of the person has another',
  lane,
  async (t) => {
    const { world, user, second } = await startTwo(t, { acr: [mfa] })
    const calls = Array.from({ length: 20 }, (_, n) =>
      n % 2 === 0 ? user.call('/api/x') : second.call(user, '/api/x'),
    )
    const urls = (await Promise.all(calls)).map((answer) => answer.json()['login_url'])
    assert.match(String(urls[0]), /step_up=/)
    assert.equal(new Set(urls).size, 1)
    assert.notEqual(await stepUpUrl(await world.loggedIn()), urls[0])
  },
)

test(
  'two brokers on one Redis, OIDC-3.1.3.7-12, R29 › answered too weakly on one › login_failed; both serve the session as before, its handle is good on both',
  lane,
  async (t) => {
    const { world, user, second, visitSecond } = await startTwo(t, { acr: [mfa] })
    const url = await stepUpUrl(user)
    const cookie = user.cookieHeader()
    loginsAre(world, { acr: 'pwd', secondsAgo: 0 })
    const started = await user.visit(url, 'same-origin')
    const callback = await callbackOf(started)
    const failed = await visitSecond(user, callback.href, 'cross-site')
    assert.deepEqual([failed.status, codeOf(failed)], [400, 'login_failed'])
    assert.equal(user.cookies().get('session')?.value, /session=([^;]+)/.exec(cookie)?.[1])
    assert.equal((await second.call(user, '/api')).status, 200)
    assert.equal((await second.call(user, '/api/x')).json()['login_url'], url)
    assert.deepEqual(askedIn(await visitSecond(user, url, 'same-origin')), [mfa, null])
  },
)

test(
  "two brokers on one Redis, R29 › another session's handle, opened on the other broker › nothing is asked for",
  lane,
  async (t) => {
    const { world, user, visitSecond } = await startTwo(t, { acr: [mfa] })
    const url = await stepUpUrl(user, '/api/x', { referer: `${world.origin}/orders` })
    const other = await world.loggedIn()
    const answer = await visitSecond(other, url, 'same-origin')
    assert.deepEqual([answer.status, answer.headers.location], [303, '/orders'])
    const stranger = await visitSecond(world.newBrowser(), url, 'same-origin')
    assert.deepEqual(askedIn(stranger), [null, null])
  },
)

test(
  'two brokers on one Redis, R29, STEP-x › an API that is never content, met on both in turn › three rounds in all, then 403 step_up_failed on both',
  lane,
  async (t) => {
    const { world, user, second, visitSecond } = await startTwo(t, undefined)
    challengeWith(world, 'Bearer error="insufficient_user_authentication", max_age="5"')
    for (let round = 0; round < 3; round += 1) {
      const refused = await (round % 2 === 0 ? user.call('/api/x') : second.call(user, '/api/x'))
      assert.equal(refused.json()['code'], 'step_up_required', refused.text)
      loginsAre(world, { acr: mfa, secondsAgo: 0 })
      const started = await visitSecond(user, String(refused.json()['login_url']), 'same-origin')
      await openCallback(user, await callbackOf(started))
    }
    for (const answer of [await user.call('/api/x'), await second.call(user, '/api/x')])
      assert.deepEqual([answer.status, answer.json()['code']], [403, 'step_up_failed'])
  },
)
