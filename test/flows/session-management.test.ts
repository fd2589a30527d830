import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Answer } from '../support/browser.ts'
import { send } from '../support/browser.ts'
import { openCallback, pendingCallback } from '../support/login-steps.ts'
import { offerSessionManagement } from '../support/session-management.ts'
import { startWorld } from '../support/world.ts'

const start = async (t: TestContext) => {
  const world = await startWorld(t, {
    config: (config) => ({ ...config, tenant: { ...config.tenant, frontchannel: 'iss_and_sid' } }),
  })
  return { world, frame: offerSessionManagement(world.issuer) }
}

/** Everything that a browser is shown from before the login to after the logout, and every file of the app. */
const journey = async ({ world }: Awaited<ReturnType<typeof start>>): Promise<Answer[]> => {
  const { origin, issuer } = world
  const user = world.newBrowser()
  const callback = await pendingCallback(user, '/login?return_to=/orders')
  assert.ok(callback.searchParams.has('session_state'))
  const answers = [await openCallback(user, callback), await user.call('/session')]
  for (const file of readdirSync('public')) answers.push(await send(`${origin}/${file}`))
  const address = `/frontchannel-logout?iss=${encodeURIComponent(issuer.issuer)}&sid=unknown`
  const pages = ['/', '/orders', '/login?max_age=x', '/callback?state=unknown', '/logout', address]
  for (const page of pages) answers.push(await user.visit(page, 'same-origin'))
  answers.push(await user.visit('/logout?sid=x', 'cross-site'))
  answers.push(await user.call('/logout', { method: 'POST', headers: await user.csrf() }))
  return answers
}

/** What a document may frame, by its policy. CSP Level 3 section 6.1: `frame-src`, else `child-src`, else `default-src`. */
const frameSources = ({ headers }: Answer): readonly string[] => {
  const policy = String(headers['content-security-policy'] ?? '')
  const directives = policy.split(';').map((each) => each.trim().split(' '))
  const names = ['frame-src', 'child-src', 'default-src']
  const found = names.flatMap((name) => directives.filter(([own]) => own === name))
  return found[0]?.slice(1) ?? ['*']
}

test("session management › SM-3.1-a a provider with check_session_iframe and session_state › no page has, names or may show the provider's frame", async (t) => {
  const started = await start(t)
  const answers = await journey(started)
  assert.ok(answers.filter(({ headers }) => /html/.test(headers['content-type'] ?? '')).length >= 8)
  for (const answer of answers) {
    assert.ok(
      ['none', 'self'].includes(frameSources(answer).join().replaceAll("'", '')),
      answer.url,
    )
    assert.doesNotMatch(answer.text, /<(?:i?frame|object|embed|portal)\b/i, answer.url)
    assert.ok(!answer.text.includes(started.frame), answer.url)
    assert.doesNotMatch(answer.text, /check_session|session_state/, answer.url)
  }
  assert.ok(!started.world.issuer.paths.includes(new URL(started.frame).pathname))
})

test('session management › SM-3.1-c a silent login comes back as somebody else › their session alone, the old one is over', async (t) => {
  const { world } = await start(t)
  const user = await world.loggedIn()
  const before = user.cookieHeader()
  assert.equal((await user.call('/api/x')).status, 200)
  world.issuer.script.subject = 'user-2'
  // With a session, the provider is asked for something stronger alone.
  await user.navigate('/login?prompt=none&acr_values=any&return_to=/orders', 'same-origin')
  const { authenticated, user: who } = await user.session()
  assert.deepEqual([authenticated, (who as { sub: string }).sub], [true, 'user-2'])
  const headers = { cookie: before, 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' }
  const old = await send(`${world.origin}/api/x`, { headers })
  assert.deepEqual([old.status, old.json()['code']], [401, 'session_revoked'])
})
