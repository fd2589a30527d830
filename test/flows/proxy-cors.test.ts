import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { send } from '../support/browser.ts'
import { route, startWorld } from '../support/world.ts'

const partner = 'https://partner.example'

const startShared = (t: TestContext) =>
  startWorld(t, {
    routes: (upstream) => [
      route('/api/shared', upstream.origin, { cors: [partner, 'https://b.example'] }),
      route('/api/narrow', upstream.origin, { cors: [partner], methods: ['GET', 'PUT'] }),
    ],
  })

const preflight = (url: string, origin: string, method = 'PUT') =>
  send(url, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': method,
      'access-control-request-headers': 'x-csrf-token, content-type',
      'sec-fetch-site': 'cross-site',
      'sec-fetch-mode': 'cors',
    },
  })

const corsNames = (headers: object) =>
  Object.keys(headers).filter((name) => name.startsWith('access-control-'))

test('preflight › a listed origin (BBA-6.1.3.3.2-c) › exact echo, credentials, Vary; upstream and store not asked', async (t) => {
  const world = await startShared(t)
  for (const origin of [partner, 'https://b.example']) {
    const answer = await preflight(`${world.origin}/api/shared/x`, origin)
    assert.equal(answer.status, 204)
    assert.equal(answer.headers['access-control-allow-origin'], origin)
    assert.equal(answer.headers['access-control-allow-credentials'], 'true')
    assert.equal(answer.headers['access-control-allow-methods'], 'PUT')
    assert.equal(answer.headers['access-control-allow-headers'], 'x-csrf-token, content-type')
    assert.match(String(answer.headers.vary), /\bOrigin\b/)
  }
  assert.equal(world.upstream.seen.length, 0)
})

test('preflight › a route with methods › names them', async (t) => {
  const world = await startShared(t)
  const answer = await preflight(`${world.origin}/api/narrow`, partner)
  assert.equal(answer.headers['access-control-allow-methods'], 'GET, PUT')
})

const foreignOrigins = [
  'https://evil.test',
  'null',
  `${partner}.evil.test`,
  `${partner}:8443`,
  'http://partner.example',
  'https://PARTNER.example',
  'https://sub.partner.example',
]

test('preflight › any other origin (BBA-6.1.3.3.2-c, V3.4.2) › 403 without Access-Control-*', async (t) => {
  const world = await startShared(t)
  for (const origin of foreignOrigins) {
    const answer = await preflight(`${world.origin}/api/shared/x`, origin)
    assert.equal(answer.status, 403, origin)
    assert.equal(answer.json()['code'], 'cross_site')
    assert.deepEqual(corsNames(answer.headers), [])
  }
  assert.equal(world.upstream.seen.length, 0)
})

test('preflight › an origin that only another route lists › 403', async (t) => {
  const world = await startShared(t)
  const answer = await preflight(`${world.origin}/api/x`, partner)
  assert.equal(answer.status, 403)
  assert.deepEqual(corsNames(answer.headers), [])
})

test("cors › a listed origin's call › answered for it alone, whatever the upstream says", async (t) => {
  const world = await startShared(t)
  world.upstream.answerWith((_req, res) => {
    res.setHeader('Access-Control-Allow-Origin', '*')
    res.setHeader('Access-Control-Allow-Headers', '*')
    res.setHeader('Vary', 'Accept-Encoding')
    res.end('ok')
  })
  const user = await world.loggedIn()
  const headers = { origin: partner, 'sec-fetch-site': 'cross-site', ...(await user.csrf()) }
  const answer = await user.call('/api/shared', { method: 'POST', headers })
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['access-control-allow-origin'], partner)
  assert.equal(answer.headers['access-control-allow-credentials'], 'true')
  assert.equal(answer.headers['access-control-allow-headers'], undefined)
  assert.equal(answer.headers.vary, 'Accept-Encoding, Origin')
})

test('cors › the app itself › gets no Access-Control-*', async (t) => {
  const world = await startShared(t)
  const user = await world.loggedIn()
  assert.deepEqual(corsNames((await user.call('/api/shared')).headers), [])
})

test('cors › a refusal to a listed origin › can be read there', async (t) => {
  const world = await startShared(t)
  const headers = { origin: partner, 'sec-fetch-site': 'cross-site' }
  const answer = await send(`${world.origin}/api/shared`, { headers })
  assert.equal(answer.json()['code'], 'login_required')
  assert.equal(answer.headers['access-control-allow-origin'], partner)
  assert.equal(answer.headers['access-control-allow-credentials'], 'true')
})

test('cors › a refusal to any other origin › carries no Access-Control-*', async (t) => {
  const world = await startShared(t)
  const answer = await send(`${world.origin}/api/shared`, {
    headers: { origin: 'https://evil.test' },
  })
  assert.equal(answer.status, 403)
  assert.deepEqual(corsNames(answer.headers), [])
})
