import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Answer } from '../support/browser.ts'
import { send } from '../support/browser.ts'
import { ask, asksAllowed, proxySecret } from '../support/forward-auth.ts'
import { route, startWorld } from '../support/world.ts'

const setUp = async (t: TestContext) => {
  const world = await startWorld(t, {
    config: asksAllowed,
    routes: ({ origin }) => [route('/api/read', origin)],
  })
  const user = await world.loggedIn()
  return { world, own: { cookie: user.cookieHeader(), 'sec-fetch-site': 'same-origin' } }
}

const closed: readonly (readonly [string, Record<string, string | readonly string[]>])[] = [
  ['no secret', {}],
  ['a wrong secret', { 'x-forward-auth-secret': proxySecret.replace('a', 'b') }],
  ['the start of the secret', { 'x-forward-auth-secret': proxySecret.slice(0, -1) }],
  ['an empty secret', { 'x-forward-auth-secret': '' }],
  ['the secret twice', { 'x-forward-auth-secret': [proxySecret, proxySecret] }],
  ['the secret under an underscore', { x_forward_auth_secret: proxySecret }],
]

/** All of an answer but what differs from one to the next. */
const alike = ({ status, headers, text }: Answer) => ({
  status,
  headers: { ...headers, date: '', 'x-request-id': '' },
  text: text.replace(/"request_id":"[^"]+"/, ''),
})

/** What this and an address that does not exist answer to the same question. */
const bothAnswers = (origin: string, headers: Record<string, string | readonly string[]>) =>
  Promise.all(
    ['/forward-auth', '/metrics'].map(async (path) =>
      // Node sends a list as several headers.
      alike(await send(`${origin}${path}`, { headers: headers as Record<string, string> })),
    ),
  )

for (const [name, shown] of closed)
  test(`forward-auth › ${name} › 404, as where nothing is`, async (t) => {
    const { world, own } = await setUp(t)
    const { host } = new URL(world.origin)
    const question = {
      'x-forwarded-method': 'GET',
      'x-forwarded-uri': '/api/x',
      'x-forwarded-host': host,
    }
    const [here, nowhere] = await bothAnswers(world.origin, { ...own, ...question, ...shown })
    assert.deepEqual(here, nowhere)
    assert.equal(here?.status, 404)
    const [outside] = await bothAnswers(world.origin, { ...question, ...shown, host: 'broker' })
    assert.equal(outside?.status, 421)
  })

test('forward-auth › the setting is unset › 404 whatever is shown', async (t) => {
  const world = await startWorld(t)
  for (const shown of [{}, { 'x-forward-auth-secret': '' }, { 'x-forward-auth-secret': 'undefined' }]) {
    const [here, nowhere] = await bothAnswers(world.origin, shown)
    assert.deepEqual(here, nowhere)
    assert.equal(here?.status, 404)
  }
}) // prettier-ignore

const handshakes: readonly (readonly [
  name: string,
  headers: Record<string, string>,
  path: string,
  outcome: string,
])[] = [
  ['own Origin', { upgrade: 'websocket' }, '/api/ws', '204'],
  ['own Origin, Upgrade taken off', { 'sec-websocket-key': 'dGhlIHNhbXBsZQ==' }, '/api/ws', '204'],
  ['no Origin', { upgrade: 'websocket', origin: '' }, '/api/ws', '403 csrf_missing'],
  ['foreign Origin', { upgrade: 'websocket', origin: 'https://evil.example' }, '/api/ws', '403 cross_site'],
  ['a route without WebSockets', { upgrade: 'websocket' }, '/api/read', '404 no_route'],
  ['a route without WebSockets, Upgrade taken off', { 'sec-websocket-key': 'x' }, '/api/read', '404 no_route'],
  ['passed on as an upgrade', { upgrade: 'websocket', connection: 'Upgrade' }, '/api/ws', '204'],
  ['passed on as an upgrade, foreign Origin', { upgrade: 'websocket', connection: 'Upgrade', origin: 'https://evil.example' }, '/api/ws', '403 cross_site'],
] // prettier-ignore

for (const [name, extra, path, outcome] of handshakes)
  test(`forward-auth › a WebSocket › ${name} › ${outcome}`, async (t) => {
    const { world, own } = await setUp(t)
    const { origin, ...headers } = { ...own, origin: world.origin, ...extra }
    const sent = { ...headers, ...(origin !== '' && { origin }) }
    const answer = await ask(world.origin, { path, headers: sent })
    const code = answer.status === 204 ? '' : ` ${String(answer.json()['code'])}`
    assert.equal(`${answer.status}${code}`, outcome)
    assert.equal(answer.headers.authorization !== undefined, answer.status === 204)
    assert.equal(world.upstream.seen.length, 0)
  })

for (const missing of ['method', 'uri', 'host'])
  test(`forward-auth › the proxy does not send X-Forwarded-${missing} › 400 and says so`, async (t) => {
    const { world, own } = await setUp(t)
    const all = { method: 'GET', uri: '/api/x', host: new URL(world.origin).host }
    const kept = Object.entries(all).filter(([what]) => what !== missing)
    const answer = await send(`${world.origin}/forward-auth`, {
      headers: {
        ...own,
        'x-forward-auth-secret': proxySecret,
        ...Object.fromEntries(kept.map(([what, value]) => [`x-forwarded-${what}`, value])),
      },
    })
    assert.deepEqual([answer.status, answer.json()['code']], [400, 'invalid_request'])
    assert.match(String(answer.json()['detail']), new RegExp(`x-forwarded-${missing}`))
  })

for (const method of ['GET, POST', 'get', 'BREW', ''])
  test(`forward-auth › X-Forwarded-Method is ${JSON.stringify(method)} › 400, no token`, async (t) => {
    const { world, own } = await setUp(t)
    const answer = await ask(world.origin, { method, path: '/api/x', headers: own })
    assert.deepEqual([answer.status, answer.json()['code']], [400, 'invalid_request'])
  })

test('forward-auth › a path below it, as Envoy asks › the method, target and host of the request itself', async (t) => {
  const { world, own } = await setUp(t)
  const { host } = new URL(world.origin)
  const shown = { ...own, host, 'x-forward-auth-secret': proxySecret }
  const ask = (target: string, method = 'GET', more: Record<string, string> = {}) =>
    send(world.origin, { method, headers: { ...shown, ...more }, target: `/forward-auth${target}` })
  const allowed = await ask('/api/things?q=1')
  assert.equal(allowed.status, 204)
  assert.match(allowed.headers.authorization ?? '', /^Bearer at-/)
  const lies = { 'x-forwarded-method': 'GET', 'x-forwarded-uri': '/api/x', 'x-forwarded-host': host }
  const codes = [
    await ask('/api/x', 'POST', lies),
    await ask('/api/..%2fx', 'GET', lies),
    await ask('/session', 'GET', lies),
    await ask('/api/x', 'GET', { ...lies, host: 'evil.example' }),
  ].map((answer) => answer.json()['code'])
  assert.deepEqual(codes, ['csrf_missing', 'invalid_path', 'no_route', 'unknown_host'])
  const strange = await send(world.origin, { headers: shown, target: '/forward-authentic' })
  assert.equal(strange.headers.authorization, undefined)
}) // prettier-ignore
