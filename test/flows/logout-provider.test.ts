import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { test } from 'node:test'
import type { ReadyConfig } from '../../server/config/ready-config.ts'
import type { Browser } from '../support/browser.ts'
import { codeOf } from '../support/login-steps.ts'
import { worthOf, worthless } from '../support/logout-steps.ts'
import { scriptedClient } from '../support/scripted-issuer.ts'
import { spyBackend } from '../support/spy-backend.ts'
import { startWorld } from '../support/world.ts'

const leave = async (user: Browser) =>
  await user.call('/logout', { method: 'POST', headers: await user.csrf() })

test('logout › revocation › the refresh token, by POST body, with client authentication (REV-2-a)', async (t) => {
  const world = await startWorld(t)
  let refreshToken = ''
  world.issuer.script.alterTokenAnswer = (answer) => {
    refreshToken = String(answer['refresh_token'])
    return answer
  }
  await leave(await world.loggedIn())
  const [revocation] = world.issuer.revocations
  assert.equal(world.issuer.revocations.length, 1)
  assert.equal(revocation?.parameters.get('token'), refreshToken)
  assert.equal(revocation.parameters.get('token_type_hint'), 'refresh_token')
  const credentials = (revocation.authorization ?? '').replace('Basic ', '')
  const plain = Buffer.from(credentials, 'base64').toString('utf8').replaceAll('+', ' ')
  assert.equal(decodeURIComponent(plain), `${scriptedClient.id}:${scriptedClient.secret}`)
})

test('logout › the session is over here › before the provider hears of it (RPL-2-c)', async (t) => {
  const spy = spyBackend()
  const world = await startWorld(t, { backend: spy.backend })
  const user = await world.loggedIn()
  const endedBefore: boolean[] = []
  world.issuer.script.interceptRevocation = () => {
    endedBefore.push(spy.count('end') > 0)
    return false
  }
  await leave(user)
  assert.deepEqual(endedBefore, [true])
})

const answers: Record<string, (res: ServerResponse) => unknown> = {
  'answers 500': (res) => res.writeHead(500).end('{}'),
  'answers 503': (res) => res.writeHead(503, { 'Retry-After': '9' }).end(),
  'refuses the client': (res) => res.writeHead(401).end('{"error":"invalid_client"}'),
  'cuts the connection': (res) => res.destroy(),
}

for (const [name, answer] of Object.entries(answers))
  test(`logout › the revocation endpoint ${name} › the logout completes (REV-2.2-a)`, async (t) => {
    const world = await startWorld(t)
    world.issuer.script.interceptRevocation = (res) => answer(res) !== null
    const user = await world.loggedIn()
    const cookie = user.cookieHeader()
    const left = await leave(user)
    assert.equal(left.status, 200)
    assert.equal((await user.visit(String(left.json()['redirect_to']), 'same-origin')).status, 303)
    assert.deepEqual(await worthOf(world.origin, cookie), worthless)
  })

test('logout › the revocation endpoint hangs › ended here at once, answered within seconds (REV-2.2-a, RPL-2-c)', async (t) => {
  const world = await startWorld(t)
  const hanging: ServerResponse[] = []
  const asked = new Promise<void>((resolve) => {
    world.issuer.script.interceptRevocation = (res) => {
      hanging.push(res)
      resolve()
      return true
    }
  })
  const user = await world.loggedIn()
  const cookie = user.cookieHeader()
  const startedMs = performance.now()
  const leaving = leave(user)
  await asked
  assert.deepEqual(await worthOf(world.origin, cookie), worthless)
  const left = await leaving
  assert.equal(left.status, 200)
  assert.ok(performance.now() - startedMs < 8_000)
  for (const res of hanging) res.destroy()
})

test('logout › the provider is gone altogether › the logout completes', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  const cookie = user.cookieHeader()
  world.issuer.close()
  assert.equal((await leave(user)).status, 200)
  assert.deepEqual(await worthOf(world.origin, cookie), worthless)
})

test('logout › a provider without end_session_endpoint › local logout, on to return_to (RPL-2.1)', async (t) => {
  const world = await startWorld(t)
  world.issuer.script.alterMetadata = (metadata) => ({
    ...metadata,
    end_session_endpoint: undefined,
  })
  const user = await world.loggedIn()
  const cookie = user.cookieHeader()
  const link = `${String((await user.session())['logout_url'])}&return_to=/bye`
  const answer = await user.visit(link, 'same-origin')
  assert.equal(answer.status, 303)
  assert.equal(answer.headers.location, '/bye')
  assert.deepEqual(await worthOf(world.origin, cookie), worthless)
  assert.equal(world.issuer.revoked.length, 1)
})

test('logout › a provider without revocation or refresh tokens › nothing to revoke, the rest as ever', async (t) => {
  const world = await startWorld(t)
  world.issuer.script.alterTokenAnswer = (answer) => ({ ...answer, refresh_token: undefined })
  const user = await world.loggedIn()
  const left = await leave(user)
  assert.equal(left.status, 200)
  assert.deepEqual(world.issuer.revoked, [])
  assert.equal((await user.session())['authenticated'], false)
})

const withoutHint = (config: ReadyConfig): ReadyConfig => ({
  ...config,
  tenant: { ...config.tenant, logoutHint: 'off' },
})

test('logout › an address to come back to in the request › the registered one goes to the provider, by GET (RPL-2-b, RPL-2-e)', async (t) => {
  const world = await startWorld(t)
  const user = await world.loggedIn()
  const foreign = 'post_logout_redirect_uri=https%3A%2F%2Fevil.example%2F'
  const left = await user.call(`/logout?${foreign}`, {
    method: 'POST',
    headers: { ...(await user.csrf()), 'content-type': 'application/x-www-form-urlencoded' },
    body: `${foreign}&redirect_uri=https%3A%2F%2Fevil.example%2F`,
  })
  const answer = await user.visit(String(left.json()['redirect_to']), 'same-origin')
  assert.equal(answer.status, 303)
  const end = new URL(answer.headers.location ?? '')
  assert.deepEqual(end.searchParams.getAll('post_logout_redirect_uri'), [
    `${world.origin}/logout/callback`,
  ])
  assert.doesNotMatch(end.href, /evil/)
})

test('logout › OIDC_LOGOUT_HINT=off › no ID token in the address, client_id and state are (C14, RPL-2-a, BBA-6.1-a)', async (t) => {
  const world = await startWorld(t, { config: withoutHint })
  const user = await world.loggedIn()
  const path = String((await leave(user)).json()['redirect_to'])
  const end = new URL((await user.visit(path, 'same-origin')).headers.location ?? '')
  assert.deepEqual([...end.searchParams.keys()].sort(), [
    'client_id',
    'post_logout_redirect_uri',
    'state',
  ])
  assert.doesNotMatch(end.href, /eyJ/)
})

test('logout › the store is down › 503 store_unavailable, the cookie stays, nothing is revoked (R28)', async (t) => {
  const spy = spyBackend()
  const world = await startWorld(t, { backend: spy.backend })
  const user = await world.loggedIn()
  const headers = await user.csrf()
  for (const verb of ['end', 'all'] as const) {
    spy.down.add(verb)
    const answer = await user.call('/logout', { method: 'POST', headers })
    assert.equal(answer.status, 503, verb)
    assert.equal(codeOf(answer), 'store_unavailable', verb)
    assert.equal(answer.headers['set-cookie'], undefined, verb)
    spy.down.clear()
  }
  assert.equal((await user.session())['authenticated'], true)
  assert.deepEqual(world.issuer.revoked, [])
})
