import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { startScriptedIssuer } from '../support/scripted-issuer.ts'
import type { World } from '../support/world.ts'
import { startWorld } from '../support/world.ts'

const life = 90
const waitMs = 500

const setUp = async (t: TestContext) => {
  const world = await startWorld(t, {
    config: (config) => ({ ...config, tenant: { ...config.tenant, timeoutMs: waitMs } }),
  })
  world.issuer.script.accessTokenSeconds = life
  return { world, user: await world.loggedIn() }
}

const json = (res: ServerResponse, status: number, text: string, headers = {}): void =>
  void res.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(text)

type Trouble = (res: ServerResponse) => void

/** The refresh token is as good as before: it is sent again when the provider is well. */
const passing: Readonly<Record<string, Trouble>> = {
  '503': (res) => json(res, 503, ''),
  '429 with Retry-After': (res) => json(res, 429, '{"error":"slow_down"}', { 'Retry-After': '7' }),
  'a refusal of this client': (res) => json(res, 401, '{"error":"invalid_client"}'),
  'a page with 404': (res) => res.writeHead(404, { 'Content-Type': 'text/html' }).end('<p>'),
}

/** Nobody can tell whether the provider has rotated the token: it is never sent again (R14). */
const doubtful: Readonly<Record<string, Trouble>> = {
  '500': (res) => json(res, 500, '{"error":"server_error"}'),
  '502': (res) => res.writeHead(502, { 'Content-Type': 'text/html' }).end('<p>'),
  '504': (res) => json(res, 504, '{}'),
  'a page instead of JSON': (res) => res.writeHead(200, { 'Content-Type': 'text/html' }).end('<p>'),
  'a page called JSON': (res) => json(res, 200, '<html>'),
  'an invalid_grant with status 500': (res) => json(res, 500, '{"error":"invalid_grant"}'),
  'a body of 5 MB (R15)': (res) => json(res, 200, `{"x":"${'y'.repeat(5_000_000)}"}`),
  'an empty object': (res) => json(res, 200, '{}'),
  'a token that is no text': (res) => json(res, 200, '{"access_token":1,"token_type":"Bearer"}'),
  'another token type': (res) => json(res, 200, '{"access_token":"a","token_type":"mac"}'),
  'a DPoP token that was not asked for': (res) =>
    json(res, 200, '{"access_token":"a","token_type":"DPoP"}'),
  'a cut connection': (res) => void res.destroy(),
}

const inTrouble = (world: World, trouble: Trouble | undefined) => {
  world.issuer.script.interceptToken = (_request, res) => {
    trouble?.(res)
    return trouble !== undefined
  }
}

for (const [name, trouble] of Object.entries({ ...passing, silence: () => undefined }))
  test(`provider › ${name} › the rest of the token is used, then 503 with Retry-After, the session stays`, async (t) => {
    const { world, user } = await setUp(t)
    const cookie = user.cookieHeader()
    inTrouble(world, trouble)
    world.clock.advance(life - 5)
    assert.equal((await user.call('/api/x')).status, 200)
    world.clock.advance(20)
    const startMs = performance.now()
    const answer = await user.call('/api/x')
    assert.ok(performance.now() - startMs < waitMs + 4_000)
    assert.equal(answer.status, 503)
    assert.equal(answer.json()['code'], 'idp_unavailable')
    assert.match(String(answer.headers['retry-after']), /^[1-9]\d*$/)
    assert.equal(answer.headers['set-cookie'], undefined)
    assert.equal(world.upstream.seen.length, 1)
    assert.equal((await user.session())['authenticated'], true)
    assert.equal(user.cookieHeader(), cookie)
    // A grant that is still waited for would keep the broker from closing.
    world.issuer.close()
  })

for (const [name, trouble] of Object.entries(passing))
  test(`provider › ${name}, then well again › healed with the same refresh token`, async (t) => {
    const { world, user } = await setUp(t)
    inTrouble(world, trouble)
    world.clock.advance(life + 1)
    assert.equal((await user.call('/api/x')).status, 503)
    inTrouble(world, undefined)
    // What Retry-After asked for is kept to.
    world.clock.advance(8)
    assert.equal((await user.call('/api/x')).status, 200)
    const sent = world.issuer.tokenRequests.map(({ parameters }) => parameters.get('refresh_token'))
    assert.equal(sent.at(-1), sent.at(-2))
  })

for (const [name, trouble] of Object.entries(doubtful))
  test(`provider › C4 R14 ${name} › sent once; the rest of the token is used, then a silent login is offered`, async (t) => {
    const { world, user } = await setUp(t)
    inTrouble(world, trouble)
    world.clock.advance(life - 5)
    for (let calls = 0; calls < 3; calls += 1) assert.equal((await user.call('/api/x')).status, 200)
    world.clock.advance(6)
    const answer = await user.call('/api/x')
    assert.equal(answer.status, 401)
    assert.equal(answer.json()['code'], 'session_expired')
    assert.equal(answer.json()['login_url'], '/login?prompt=none')
    assert.equal((await user.call('/api/x')).json()['login_url'], '/login?prompt=none')
    assert.equal(world.issuer.grants('refresh_token'), 1)
    inTrouble(world, undefined)
    await user.navigate('/login?prompt=none')
    assert.equal((await user.call('/api/x')).status, 200)
  })

test('provider › 429 with Retry-After › asked once in that time, however many sessions want it', async (t) => {
  const { world, user } = await setUp(t)
  const others = [await world.loggedIn(), await world.loggedIn()]
  inTrouble(world, passing['429 with Retry-After'])
  world.clock.advance(life + 1)
  for (const each of [user, ...others]) {
    const answer = await each.call('/api/x')
    assert.equal(answer.status, 503)
    assert.ok(Number(answer.headers['retry-after']) >= 6)
  }
  assert.equal(world.issuer.grants('refresh_token'), 1)
})

test('provider › says no to one person again and again › it is not taken for down: another one gets a token', async (t) => {
  const { world, user } = await setUp(t)
  const other = await world.loggedIn()
  world.clock.advance(life + 1)
  inTrouble(world, (res) => json(res, 400, '{"error":"invalid_scope"}'))
  for (let calls = 0; calls < 6; calls += 1) assert.equal((await user.call('/api/x')).status, 503)
  inTrouble(world, undefined)
  assert.equal((await other.call('/api/x')).status, 200)
  assert.equal(world.issuer.grants('refresh_token'), 7)
})

test('provider › refuses connections, then is back › 503 at once, then healed', async (t) => {
  const { world, user } = await setUp(t)
  world.issuer.close()
  world.clock.advance(life + 1)
  const answer = await user.call('/api/x')
  assert.equal(answer.status, 503)
  assert.match(String(answer.headers['retry-after']), /^[1-9]\d*$/)
  assert.equal((await user.session())['authenticated'], true)

  const back = await startScriptedIssuer(Number(new URL(world.issuer.issuer).port))
  t.after(() => back.close())
  back.script.interceptToken = (_request, res) => {
    json(res, 200, '{"access_token":"at-healed","token_type":"Bearer","expires_in":300}')
    return true
  }
  assert.equal((await user.call('/api/x')).status, 200)
  assert.equal(world.upstream.last().headers.authorization, 'Bearer at-healed')
})

test('provider › slower than any caller waits › the callers get 503, its answer is kept', async (t) => {
  const { world, user } = await setUp(t)
  let release = (): void => undefined
  const held = new Promise<false>((resolve) => {
    release = () => resolve(false)
  })
  world.issuer.script.interceptToken = () => held
  world.clock.advance(life + 1)
  for (let calls = 0; calls < 2; calls += 1) assert.equal((await user.call('/api/x')).status, 503)
  release()
  assert.equal((await user.call('/api/x')).status, 200)
  assert.equal(world.issuer.grants('refresh_token'), 1)
})

/** R15, AT-x: lives that are no lives, as they stand in the JSON. */
const lives: readonly (readonly [name: string, member: string])[] = [
  ['a number as text', '"expires_in":"90",'],
  ['zero', '"expires_in":0,'],
  ['missing', ''],
  ['-1', '"expires_in":-1,'],
  ['a text', '"expires_in":"abc",'],
  ['1e309', '"expires_in":1e309,'],
  ['null', '"expires_in":null,'],
]

for (const [name, member] of lives)
  test(`provider › expires_in ${name} (R15, AT-x) › the token is used, the session lives on`, async (t) => {
    const { world, user } = await setUp(t)
    world.issuer.script.interceptToken = (_request, res) => {
      json(res, 200, `{${member}"access_token":"at-odd","token_type":"Bearer"}`)
      return true
    }
    world.clock.advance(life + 1)
    assert.equal((await user.call('/api/x')).status, 200)
    const tokens = world.upstream.seen.map(({ headers }) => headers.authorization)
    assert.deepEqual(tokens, ['Bearer at-odd'])
    assert.equal((await user.session())['authenticated'], true)
  })
