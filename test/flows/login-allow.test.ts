import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { AllowRule } from '../../server/config/config.ts'
import type { ProfileName } from '../../server/core/profiles.ts'
import { send } from '../support/browser.ts'
import { capturedLog } from '../support/captured-log.ts'
import { codeOf, openCallback, pendingCallback } from '../support/login-steps.ts'
import { spyBackend } from '../support/spy-backend.ts'
import { startWorld } from '../support/world.ts'

const staff: readonly AllowRule[] = [
  { kind: 'group', value: 'staff' },
  { kind: 'domain', value: 'example.test' },
]

const startRuled = async (t: TestContext, profile: ProfileName = 'generic') => {
  const spy = spyBackend()
  const captured = capturedLog()
  const world = await startWorld(t, {
    backend: spy.backend,
    log: captured.log,
    config: (config) => ({ ...config, tenant: { ...config.tenant, profile, allow: staff } }),
  })
  return { ...world, spy, captured }
}

const linesOf = ({ text }: Pick<ReturnType<typeof capturedLog>, 'text'>) =>
  text()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)

test('OIDC_ALLOW › someone who meets a rule › is logged in', async (t) => {
  const { issuer, loggedIn } = await startRuled(t)
  issuer.script.idTokenClaims = { groups: ['staff'], email_verified: undefined }
  assert.equal((await (await loggedIn()).session())['authenticated'], true)
  issuer.script.idTokenClaims = { email_verified: true }
  assert.equal((await (await loggedIn()).session())['authenticated'], true)
})

test('OIDC_ALLOW › someone who meets none › 403 page not_allowed with a way to be someone else, no session, the tokens are revoked', async (t) => {
  const { issuer, newBrowser, spy, captured, broker } = await startRuled(t)
  issuer.script.idTokenClaims = { groups: ['guests'], email_verified: false }
  const user = newBrowser()
  const callback = await pendingCallback(user, '/login?return_to=/orders%3Fpage%3D2')
  const answer = await openCallback(user, callback)
  assert.equal(answer.status, 403)
  assert.equal(codeOf(answer), 'not_allowed')
  assert.equal(answer.headers['cache-control'], 'no-store')
  assert.equal(answer.headers['set-cookie'], undefined)
  assert.match(answer.text, /href="\/login\?return_to=%2Forders%3Fpage%3D2&amp;prompt=login">/)
  assert.match(answer.text, />Log in as someone else</)
  assert.doesNotMatch(answer.text, /ada@example|staff|guests/)
  assert.equal(spy.count('create'), 0)
  assert.equal(spy.count('addToList'), 0)
  assert.equal((await user.session())['authenticated'], false)
  await broker.close()
  assert.equal(issuer.revoked.length, 1)
  assert.match(issuer.revoked[0] ?? '', /^rt-/)
  const line = linesOf(captured).find(({ audit }) => audit === 'login_refused')
  assert.equal(line?.['reason'], 'not_allowed')
  assert.deepEqual(line['rules'], { group: 'unmet', domain: 'unproven' })
  assert.deepEqual([line['sub'], line['issuer']], ['user-1', issuer.issuer])
  assert.doesNotMatch(captured.text(), /ada@example|guests|at-[0-9a-f]|rt-[0-9a-f]/)
})

test('OIDC_ALLOW › no refresh token came › the access token is revoked', async (t) => {
  const { issuer, newBrowser, broker } = await startRuled(t)
  issuer.script.alterTokenAnswer = (answer) => ({ ...answer, refresh_token: undefined })
  assert.equal((await newBrowser().navigate('/login')).status, 403)
  await broker.close()
  assert.match(issuer.revoked.join(), /^at-[^,]+$/)
})

test('OIDC_ALLOW › a callback that is no navigation › the same as problem+json', async (t) => {
  const { newBrowser } = await startRuled(t)
  const user = newBrowser()
  const callback = await pendingCallback(user, '/login?return_to=/orders')
  const headers = { accept: 'application/json', cookie: user.cookieHeader() }
  const answer = await send(callback.href, { headers })
  assert.equal(answer.status, 403)
  assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/)
  assert.equal(answer.json()['code'], 'not_allowed')
  assert.equal(answer.json()['login_url'], '/login?return_to=%2Forders&prompt=login')
})

test('OIDC_ALLOW › its way out › asks the provider for someone else, and who comes is let in', async (t) => {
  const { issuer, newBrowser, origin } = await startRuled(t)
  const user = newBrowser()
  const refused = await user.navigate('/login?return_to=/orders')
  const [, href = ''] = /class="button" href="([^"]+)"/.exec(refused.text) ?? []
  issuer.script.subject = 'user-2'
  issuer.script.idTokenClaims = { groups: ['staff'] }
  const callback = await pendingCallback(user, href.replaceAll('&amp;', '&'))
  const landed = await openCallback(user, callback)
  assert.equal(new URL(landed.headers.location ?? '', origin).pathname, '/orders')
  assert.equal((await user.session())['authenticated'], true)
})

for (const [profile, prompt] of [
  ['google', 'select_account'],
  ['keycloak', 'login'],
] as const)
  test(`OIDC_ALLOW › the profile ${profile} › the way out has prompt=${prompt}`, async (t) => {
    const { newBrowser } = await startRuled(t, profile)
    const refused = await newBrowser().navigate('/login')
    assert.equal(refused.status, 403)
    assert.ok(refused.text.includes(`&amp;prompt=${prompt}"`))
  })

test('OIDC_ALLOW › refused while another session lives › that session stays', async (t) => {
  const { issuer, loggedIn } = await startRuled(t)
  issuer.script.idTokenClaims = { groups: ['staff'] }
  const user = await loggedIn()
  issuer.script.subject = 'user-2'
  issuer.script.idTokenClaims = { groups: [] }
  assert.equal((await user.navigate('/login?prompt=login')).status, 403)
  const { authenticated, user: person } = await user.session()
  assert.equal(authenticated, true)
  assert.equal((person as { sub?: string }).sub, 'user-1')
})

const atRefresh = [
  ['still meets one', { groups: ['staff'] }, 200],
  ['carries none of the claims', { groups: undefined, email: undefined }, 200],
  ['contradicts one and lacks the other', { groups: [], email: undefined }, 200],
  ['contradicts every rule', { groups: ['guests'], email: 'ada@other.test' }, 401],
] as const

for (const [name, claims, status] of atRefresh)
  test(`OIDC_ALLOW › a refreshed ID token that ${name} › ${status}`, async (t) => {
    const { issuer, loggedIn, clock, captured } = await startRuled(t)
    issuer.script.idTokenClaims = { groups: ['staff'] }
    const user = await loggedIn()
    issuer.script.idTokenClaims = claims
    clock.advance(400)
    const answer = await user.call('/api/x')
    assert.equal(answer.status, status, answer.text)
    assert.equal(issuer.grants('refresh_token'), 1)
    if (status === 200) return
    assert.equal(answer.json()['code'], 'session_revoked')
    assert.equal((await user.call('/api/x')).json()['code'], 'session_revoked')
    assert.equal(issuer.revoked.length, 1)
    const line = linesOf(captured).find(({ audit }) => audit === 'session_ended')
    assert.equal(line?.['reason'], 'not_allowed')
  })

for (const [name, says, status] of [
  ['the group', { groups: ['staff'] }, 303],
  ['another group', { groups: ['guests'] }, 403],
  ['the address is proven', { email: 'ada@example.test', email_verified: true }, 303],
  ['another address is proven', { email: 'ada@other.test', email_verified: true }, 403],
] as const)
  test(`OIDC_ALLOW › the UserInfo endpoint alone says: ${name} › ${status}`, async (t) => {
    const world = await startRuled(t)
    world.issuer.script.userInfo = (_req, res) => {
      res.writeHead(200, { 'content-type': 'application/json' })
      res.end(JSON.stringify({ sub: 'user-1', ...says }))
    }
    const user = world.newBrowser()
    assert.equal((await openCallback(user, await pendingCallback(user))).status, status)
  })
