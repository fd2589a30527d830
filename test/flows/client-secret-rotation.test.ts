import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { secret } from '../../server/core/secret.ts'
import { assertRefusedLogin, openCallback, pendingCallback } from '../support/login-steps.ts'
import { scriptedClient } from '../support/scripted-issuer.ts'
import type { World } from '../support/world.ts'
import { startWorld } from '../support/world.ts'

const life = 90
const nextSecret = 'the next secret'

/** A broker that has both secrets; the issuer takes the first one, until the test says otherwise. */
const setUp = async (t: TestContext) => {
  const world = await startWorld(t, {
    config: (config) => ({
      ...config,
      tenant: {
        ...config.tenant,
        clientAuth: {
          method: 'client_secret_basic',
          secret: secret(scriptedClient.secret),
          nextSecret: secret(nextSecret),
        },
      },
    }),
  })
  world.issuer.script.accessTokenSeconds = life
  return world
}

const rotate = ({ issuer }: World) => {
  issuer.script.clientSecrets = [nextSecret]
}

/** Which secret each request of this kind came with, from the given one on. */
const secretsSent = ({ issuer }: World, grantType: string): readonly string[] =>
  issuer.tokenRequests
    .filter((request) => request.grantType === grantType)
    .map(({ authorization = '' }) => {
      const pair = Buffer.from(authorization.slice('Basic '.length), 'base64').toString('utf8')
      return pair.endsWith(':the+next+secret') ? 'next' : 'first'
    })

test('client secret › both are set, the first is good › the other is never sent', async (t) => {
  const world = await setUp(t)
  const user = await world.loggedIn()
  world.clock.advance(life + 1)
  assert.equal((await user.call('/api/x')).status, 200)
  assert.deepEqual(secretsSent(world, 'authorization_code'), ['first'])
  assert.deepEqual(secretsSent(world, 'refresh_token'), ['first'])
})

for (const [name, header] of [
  ['a plain 401', {}],
  ['a 401 with a challenge', { 'WWW-Authenticate': 'Basic realm="id"' }],
] as const)
  test(`client secret › the provider has gone to the next one and says so by ${name} › code, refresh and revocation go through; it is kept to`, async (t) => {
    const world = await setUp(t)
    rotate(world)
    const { script } = world.issuer
    script.interceptToken = ({ authorization }, res) => refusesFirst(authorization, res, header)
    const user = await world.loggedIn()
    assert.equal((await user.session())['authenticated'], true)
    assert.deepEqual(secretsSent(world, 'authorization_code'), ['first', 'next'])
    world.clock.advance(life + 1)
    assert.equal((await user.call('/api/x')).status, 200)
    assert.deepEqual(secretsSent(world, 'refresh_token'), ['next'])
    const sent = await user.call('/logout', { method: 'POST', headers: await user.csrf() })
    assert.ok(sent.status < 400, sent.text)
    assert.equal(world.issuer.revoked.length, 1)
  })

const refusesFirst = (
  authorization: string | undefined,
  res: ServerResponse,
  header: Readonly<Record<string, string>>,
): boolean => {
  const pair = Buffer.from((authorization ?? '').slice('Basic '.length), 'base64').toString('utf8')
  if (pair.endsWith(':the+next+secret')) return false
  res.writeHead(401, { 'Content-Type': 'application/json', ...header })
  res.end('{"error":"invalid_client"}')
  return true
}

test('client secret › it changes between login and refresh › the same refresh token goes once more, unused till then; no session is lost', async (t) => {
  const world = await setUp(t)
  const user = await world.loggedIn()
  rotate(world)
  for (let refreshes = 0; refreshes < 2; refreshes += 1) {
    world.clock.advance(life + 1)
    assert.equal((await user.call('/api/x')).status, 200)
  }
  assert.deepEqual(secretsSent(world, 'refresh_token'), ['first', 'next', 'next'])
  const [refused, taken] = world.issuer.tokenRequests
    .filter(({ grantType }) => grantType === 'refresh_token')
    .map(({ parameters }) => parameters.get('refresh_token'))
  assert.equal(refused, taken)
  world.issuer.script.clientSecrets = [scriptedClient.secret]
  world.clock.advance(life + 1)
  assert.equal((await user.call('/api/x')).status, 200)
  assert.deepEqual(secretsSent(world, 'refresh_token').slice(-2), ['next', 'first'])
})

test('client secret › it changes before a logout › the revocation goes through', async (t) => {
  const world = await setUp(t)
  const user = await world.loggedIn()
  rotate(world)
  await user.call('/logout', { method: 'POST', headers: await user.csrf() })
  assert.equal(world.issuer.revocations.length, 2)
  assert.equal(world.issuer.revoked.length, 1)
})

test('client secret › metadata read anew › the secret that is good stays the first to be sent', async (t) => {
  const world = await setUp(t)
  rotate(world)
  await world.loggedIn()
  world.clock.advance(7_200)
  await world.loggedIn()
  await world.loggedIn()
  assert.deepEqual(secretsSent(world, 'authorization_code'), ['first', 'next', 'next', 'next'])
})

test('client secret › neither is good › each is tried once: login_failed; at a refresh 503, the session stays', async (t) => {
  const world = await setUp(t)
  const user = await world.loggedIn()
  world.issuer.script.clientSecrets = []
  world.clock.advance(life + 1)
  assert.equal((await user.call('/api/x')).status, 503)
  assert.deepEqual(secretsSent(world, 'refresh_token'), ['first', 'next'])
  assert.equal((await user.session())['authenticated'], true)
  const other = world.newBrowser()
  assertRefusedLogin(await openCallback(other, await pendingCallback(other)), 400, 'login_failed')
  world.issuer.script.clientSecrets = [scriptedClient.secret]
  assert.equal((await user.call('/api/x')).status, 200)
})

test('client secret › invalid_grant › is no reason to try the other one', async (t) => {
  const world = await setUp(t)
  const user = await world.loggedIn()
  world.issuer.script.interceptToken = (_request, res) => {
    res.writeHead(400, { 'Content-Type': 'application/json' }).end('{"error":"invalid_grant"}')
    return true
  }
  world.clock.advance(life + 1)
  assert.equal((await user.call('/api/x')).status, 401)
  assert.equal(world.issuer.grants('refresh_token'), 1)
})
