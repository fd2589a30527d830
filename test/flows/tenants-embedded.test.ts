import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { test } from 'node:test'
import express from 'express'
import { send } from '../support/browser.ts'
import { capturedLog } from '../support/captured-log.ts'
import { codeOf } from '../support/login-steps.ts'
import { startTenants } from '../support/tenants.ts'
import { listen } from '../support/world.ts'

const limit = { timeout: 30_000 }

test(
  "embedded › tenants in an Express app › what is a tenant's is ours, what only begins like it is not",
  limit,
  async (t) => {
    const world = await startTenants(t)
    const app = express()
    app.use(world.broker.handler)
    app.use((_req, res) => void res.send('the host'))
    const server = createServer((req, res) => void app(req, res))
    const port = await listen(server)
    t.after(() => void server.close())
    const answers = async (host: string, paths: readonly string[]) =>
      await Promise.all(
        paths.map(async (path) => {
          const answer = await send(`http://localhost:${port}${path}`, { headers: { host } })
          if (answer.text === 'the host') return 'theirs'
          return String(codeOf(answer) ?? answer.json()['login_url'])
        }),
      )
    const root = new URL(world.origin).host
    const ours = ['/session', '/t/beta/session', '/t/beta/api/x', '/api/x']
    const none = 'login_required'
    assert.deepEqual(await answers(root, ours), ['/login', '/t/beta/login', none, none])
    const theirs = ['/t/beta', '/t/beta/', '/t/beta/x', '/t/betax/session', '/x']
    assert.deepEqual(
      await answers(root, theirs),
      theirs.map(() => 'theirs'),
    )
    const acme = new URL(world.places.acme.origin).host
    assert.deepEqual(await answers(acme, ['/session', '/t/beta/session']), ['/login', 'theirs'])
    assert.deepEqual(await answers('evil.test', ['/session', '/x']), ['unknown_host', 'theirs'])
  },
)

test('log › of several tenants › names the tenant in the line of a login', limit, async (t) => {
  const captured = capturedLog()
  const world = await startTenants(t, { log: captured.log })
  await world.loggedIn('beta')
  const lines = captured.text().split('\n')
  const logins = lines.filter((line) => line.includes('"audit":"login"'))
  assert.equal(logins.length, 1)
  assert.match(logins[0] ?? '', /"tenant":"beta"/)
})
