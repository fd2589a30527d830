import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Browser } from '../support/browser.ts'
import { openCall, readAll } from '../support/http-upstream.ts'
import { authorizationRequest } from '../support/login-steps.ts'
import { spyBackend } from '../support/spy-backend.ts'
import { challengeWith, loginsAre, mfa, startStrictWorld, stepUpUrl } from '../support/step-up.ts'
import { route } from '../support/world.ts'
import type { World } from '../support/world.ts'

const weak = 'Bearer error="insufficient_user_authentication"'
const claims = '{"access_token":{"acrs":{"essential":true,"value":"c1"}}}'

const setUp = async (t: TestContext, challenge = `${weak}, acr_values="${mfa}", max_age="5"`) => {
  const { world, user } = await startStrictWorld(t, undefined)
  return { world, user, content: challengeWith(world, challenge) }
}

test("challenge › an API's insufficient_user_authentication (STEP-4-a) › 401 step_up_required, and the provider gets what it asks for", async (t) => {
  const { world, user, content } = await setUp(t)
  const answer = await user.call('/api/x', { headers: { referer: `${world.origin}/pay` } })
  assert.deepEqual([answer.status, answer.json()['code']], [401, 'step_up_required'])
  assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/)
  assert.match(answer.headers['www-authenticate'] ?? '', /^Session /)
  assert.doesNotMatch(answer.text, /the words of the API|urn:example/)
  const url = String(answer.json()['login_url'])
  assert.match(url, /^\/login\?return_to=%2Fpay&step_up=[A-Za-z0-9_-]{22}$/)
  const { searchParams } = await authorizationRequest(user, url)
  assert.deepEqual([searchParams.get('acr_values'), searchParams.get('max_age')], [mfa, '5'])
  loginsAre(world, { acr: mfa, secondsAgo: 0 })
  assert.equal((await user.navigate(url, 'same-origin')).url, `${world.origin}/pay`)
  content()
  assert.equal((await user.call('/api/x')).text, 'taken')
})

test("challenge › Entra's insufficient_claims (STEP-4-a) › the provider gets the claims parameter", async (t) => {
  const encoded = Buffer.from(claims).toString('base64')
  const line = `Bearer realm="", authorization_uri="https://id.test/authorize", error="insufficient_claims", claims="${encoded}"`
  const { world, user } = await setUp(t, line)
  const { searchParams } = await authorizationRequest(user, await stepUpUrl(user))
  assert.deepEqual(searchParams.getAll('claims'), [claims])
  assert.equal(searchParams.get('acr_values'), null)
  assert.equal(world.upstream.seen.length, 1)
})

test("challenge › what is unreadable, or hostile (STEP-x, R29) › the API's own 401 passes", async (t) => {
  const { world, user } = await setUp(t)
  const lines = [
    weak,
    `${weak}, acr_values="${'a'.repeat(4_096)}"`,
    `${weak}, acr_values="a", max_age="-1"`,
    `${weak}, prompt="none"`,
    'Bearer error="insufficient_claims", claims="e30="',
    'Bearer realm="x", error="insufficient_scope"',
  ]
  for (const line of lines) {
    challengeWith(world, line)
    const answer = await user.call('/api/x')
    assert.deepEqual([answer.status, answer.text], [401, 'the words of the API'], line)
  }
})

test('challenge › a prompt in it (STEP-x) › does not reach the provider', async (t) => {
  const { user } = await setUp(
    t,
    `${weak}, max_age=5, prompt="none", redirect_uri="https://evil.test"`,
  )
  const { searchParams } = await authorizationRequest(user, await stepUpUrl(user))
  assert.deepEqual([searchParams.get('max_age'), searchParams.get('prompt')], ['5', null])
  assert.doesNotMatch(searchParams.toString(), /evil/)
})

test('challenge › with a 403, without a token of ours, or from a public route without a session › passes as it is', async (t) => {
  const { world, user } = await startStrictWorld(t, undefined, {
    routes: ({ origin }) => [
      route('/api/bare', origin, { token: 'none' }),
      route('/api/open', origin, { token: 'optional', public: true }),
    ],
  })
  challengeWith(world, `${weak}, max_age=5`)
  assert.equal((await user.call('/api/bare')).text, 'the words of the API')
  assert.equal((await world.newBrowser().call('/api/open')).text, 'the words of the API')
  await stepUpUrl(user, '/api/open')
  world.upstream.answerWith((_req, res) => {
    res.writeHead(403, { 'WWW-Authenticate': `${weak}, max_age=5` }).end('forbidden')
  })
  assert.equal((await user.call('/api')).text, 'forbidden')
})

for (const [name, size] of [
  ['held', 1_000],
  ['streamed', 3_000_000],
] as const)
  test(`challenge › to an upload that is ${name} (STEP-4-a) › the refusal reaches the browser, the body is not sent again`, async (t) => {
    const { world, user } = await setUp(t)
    const { outgoing, answered } = await openCall(world, user, '/api/x', {
      method: 'POST',
      headers: { 'content-length': String(size) },
    })
    outgoing.on('error', () => undefined)
    outgoing.end(Buffer.alloc(size))
    const answer = await answered
    assert.equal(answer.statusCode, 401)
    assert.match((await readAll(answer)).toString(), /step_up_required/)
    assert.equal(world.upstream.seen.length, 1)
  })

test('challenge › an endless body (STEP-x) › is not waited for', async (t) => {
  const { world, user } = await setUp(t)
  world.upstream.answerWith((_req, res) => {
    res.writeHead(401, { 'WWW-Authenticate': `${weak}, max_age=5` })
    res.write('the first words')
  })
  await stepUpUrl(user)
})

/** One round of a person who does all that is asked. */
const goRound = async (world: World, user: Browser): Promise<void> => {
  loginsAre(world, { acr: mfa, secondsAgo: 0 })
  await user.navigate(await stepUpUrl(user), 'same-origin')
}

test('challenge › again after each step-up (R29, STEP-x) › three rounds, then 403 step_up_failed without a login_url', async (t) => {
  const { world, user, content } = await setUp(t)
  for (let round = 0; round < 3; round += 1) await goRound(world, user)
  for (let call = 0; call < 2; call += 1) {
    const answer = await user.call('/api/x')
    assert.deepEqual([answer.status, answer.json()['code']], [403, 'step_up_failed'])
    assert.equal(answer.json()['login_url'], undefined)
  }
  assert.equal((await user.session())['authenticated'], true)
  world.clock.advance(301)
  await stepUpUrl(user)
  content()
  assert.equal((await user.call('/api/x')).status, 200)
})

test('challenge › a new one after each step-up (R29, STEP-x) › ten rounds, then 403', async (t) => {
  const { world, user } = await setUp(t)
  for (let round = 0; round < 10; round += 1) {
    challengeWith(world, `${weak}, acr_values="x${round} ${mfa}"`)
    await goRound(world, user)
  }
  challengeWith(world, `${weak}, acr_values="x10 ${mfa}"`)
  const answer = await user.call('/api/x')
  assert.deepEqual([answer.status, answer.json()['code']], [403, 'step_up_failed'])
})

test('challenge › max_age=0 of every call (R29) › ends like any other loop', async (t) => {
  const { world, user } = await setUp(t, `${weak}, max_age=0`)
  for (let round = 0; round < 3; round += 1) await goRound(world, user)
  assert.equal((await user.call('/api/x')).json()['code'], 'step_up_failed')
})

test('challenge › 40 different ones in one session (R29) › 20 handles at most, the newest good; no other session pays for them', async (t) => {
  const spy = spyBackend()
  const { world, user } = await startStrictWorld(t, undefined, { backend: spy.backend })
  const other = await world.loggedIn()
  challengeWith(world, `${weak}, acr_values="level-of-another"`)
  const others = await stepUpUrl(other)
  const urls: string[] = []
  for (let n = 0; n < 40; n += 1) {
    challengeWith(world, `${weak}, acr_values="level-${n}"`)
    urls.push(await stepUpUrl(user))
  }
  const good: string[] = []
  for (const url of urls) {
    const { location = '' } = (await user.visit(url, 'same-origin')).headers
    if (location.includes('acr_values=level-')) good.push(url)
  }
  assert.deepEqual(good, urls.slice(20))
  const { location = '' } = (await other.visit(others, 'same-origin')).headers
  assert.match(location, /acr_values=level-of-another/)
})
