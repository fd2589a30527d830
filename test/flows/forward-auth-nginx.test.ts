import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { brokerServer, serve } from '../../server/broker-server.ts'
import { createBroker } from '../../server/create-broker.ts'
import { browser, send } from '../support/browser.ts'
import { asksAllowed, proxySecret } from '../support/forward-auth.ts'
import { nginxSkip, startNginx } from '../support/nginx.ts'
import { startScriptedIssuer } from '../support/scripted-issuer.ts'
import { startUpstream } from '../support/upstream.ts'
import { listen, testConfig } from '../support/world.ts'

const lane = { skip: nginxSkip, timeout: 60_000 }

const page = readFileSync(new URL('../../docs/forward-auth.md', import.meta.url), 'utf8')
const documented = /```nginx\n(.+?)```/s.exec(page)?.[1] ?? ''

type Places = { readonly port: number; readonly broker: string; readonly api: string; readonly secret: string } // prettier-ignore

/** The block of the page, with the addresses of this test for its own and without TLS. */
const configuration = ({ port, broker, api, secret }: Places): string => {
  const changes: readonly (readonly [string | RegExp, string])[] = [
    ['broker.internal:3000', broker],
    ['api.internal:8080', api],
    ['the value of FORWARD_AUTH_SECRET', secret],
    ['listen 443 ssl;', `listen 127.0.0.1:${port}; listen [::1]:${port};`],
    [/ssl_certificate .*\n/, '\n'],
    [/ssl_certificate_key .*\n/, '\n'],
  ]
  return changes.reduce((text, [from, to]) => {
    assert.notEqual(text.replace(from, to), text, String(from))
    return text.replace(from, to)
  }, documented)
}

/** An API behind nginx, which asks the broker; the broker's own upstream is another one, so that it shows who carried a call. */
const setUp = async (t: TestContext, secret = proxySecret) => {
  const [issuer, api, brokersApi] = [
    await startScriptedIssuer(),
    await startUpstream(),
    await startUpstream(),
  ]
  const server = brokerServer()
  const brokerPort = await listen(server)
  const apiHost = new URL(api.origin).host
  const port = await startNginx(t, (_dir, own) =>
    configuration({ port: own, broker: `localhost:${brokerPort}`, api: apiHost, secret }),
  )
  const origin = `http://localhost:${port}`
  const broker = createBroker(asksAllowed(testConfig(origin, issuer.issuer, brokersApi)))
  serve(server, broker)
  t.after(async () => {
    server.closeAllConnections()
    server.close()
    await broker.close()
    for (const part of [issuer, api, brokersApi]) part.close()
  })
  const user = browser(origin)
  await user.navigate('/login')
  assert.equal((await user.session())['authenticated'], true)
  return { origin, broker, issuer, api, brokersApi, user }
}

test(
  'nginx › a call of the app › reaches the API with the token, and with nothing of the browser to be somebody by',
  lane,
  async (t) => {
    const { api, brokersApi, user } = await setUp(t)
    api.answerWith((_req, res) => {
      res.setHeader('Cache-Control', 'public, max-age=3600')
      res.setHeader('Set-Cookie', 'of=the-api')
      res.setHeader('Content-Type', 'text/html')
      res.end('<p>hello')
    })
    const answer = await user.call('/api/things?q=1', {
      headers: { authorization: 'Bearer of-the-browser', forwarded: 'for=1.2.3.4', ...(await user.csrf()) },
    })
    assert.equal(answer.status, 200, answer.text)
    const { url, headers } = api.last()
    assert.equal(url, '/api/things?q=1')
    assert.match(headers.authorization ?? '', /^Bearer at-/)
    for (const name of ['cookie', 'x-csrf-token', 'forwarded', 'x-forward-auth-secret'])
      assert.equal(headers[name], undefined, name)
    assert.match(String(headers['x-request-id']), /^[\w-]{20,}$/)
    assert.equal(answer.headers['cache-control'], 'no-store')
    assert.equal(answer.headers['set-cookie'], undefined)
    assert.match(String(answer.headers['content-security-policy']), /sandbox/)
    assert.doesNotMatch(JSON.stringify(answer.headers), /at-/)
    assert.equal(brokersApi.seen.length, 0)
  },
) // prettier-ignore

test('nginx › a POST with its body › passes with the CSRF header, whole', lane, async (t) => {
  const { api, user } = await setUp(t)
  const body = 'x'.repeat(200_000)
  const answer = await user.call('/api/x', { method: 'POST', headers: await user.csrf(), body })
  assert.equal(answer.status, 200, answer.text)
  assert.deepEqual([api.last().method, api.last().body.length], ['POST', body.length])
})

type Refused = readonly [
  name: string,
  status: number,
  code: string,
  options: { readonly method?: string; readonly headers?: Record<string, string>; readonly target?: string },
] // prettier-ignore

const refused: readonly Refused[] = [
  ['logged out', 401, 'login_required', { headers: { cookie: '' } }],
  ['from another site', 403, 'cross_site', { headers: { 'sec-fetch-site': 'cross-site' } }],
  ['POST without the CSRF header', 403, 'csrf_missing', { method: 'POST' }],
  ['POST with a lie about the method', 403, 'csrf_missing', { method: 'POST', headers: { 'x-forwarded-method': 'GET' } }],
  ['a lie about the host', 401, 'login_required', { headers: { cookie: '', 'x-forwarded-host': 'evil.example' } }],
  ['a path that is not canonical', 400, 'invalid_path', { target: '/api/a/..%2f..%2fx' }],
  ['an empty segment, which nginx would merge', 400, 'invalid_path', { target: '/api//x' }],
  ['a dot segment, which nginx would resolve', 400, 'invalid_path', { target: '/x/../api/x' }],
] // prettier-ignore

for (const [name, status, code, options] of refused)
  test(`nginx › ${name} › ${status} ${code} in the broker's words, neither API hears of it`, lane, async (t) => {
    const { api, brokersApi, user } = await setUp(t)
    const answer = await user.call('/api/x', options)
    assert.equal(answer.status, status, answer.text)
    assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/)
    assert.equal(answer.json()['code'], code)
    assert.equal(answer.json()['login_url'], status === 401 ? '/login' : undefined)
    const challenge = status === 401 ? 'Session realm="latchkey"' : undefined
    assert.equal(answer.headers['www-authenticate'], challenge)
    assert.equal(answer.headers['cache-control'], 'no-store')
    assert.deepEqual([api.seen.length, brokersApi.seen.length], [0, 0])
  }) // prettier-ignore

test('nginx › the session has ended › the next call is refused', lane, async (t) => {
  const { api, user } = await setUp(t)
  const headers = { cookie: user.cookieHeader() }
  assert.equal((await user.call('/api/x', { headers })).status, 200)
  await user.call('/logout', { method: 'POST', headers: await user.csrf() })
  const answer = await user.call('/api/x', { headers })
  assert.deepEqual([answer.status, answer.json()['code']], [401, 'session_revoked'])
  assert.equal(api.seen.length, 1)
})

test('nginx › the secret is wrong › closed: nothing goes past the broker, and nobody gets a token', lane, async (t) => {
  const { api, brokersApi, user, origin } = await setUp(t, 'another-secret-of-enough-length!!!!!')
  const headers = { authorization: 'Bearer of-the-browser' }
  const answer = await user.call('/api/x', { headers })
  assert.equal(api.seen.length, 0)
  // @refused: the broker judges and carries the call itself.
  assert.equal(answer.status, 200)
  assert.match(brokersApi.last().headers.authorization ?? '', /^Bearer at-/)
  const logged = await send(`${origin}/api/x`, { headers: { ...headers, 'sec-fetch-site': 'same-origin' } })
  assert.deepEqual([logged.status, api.seen.length], [401, 0])
}) // prettier-ignore

test('nginx › the browser asks /forward-auth itself, with the secret › 404', lane, async (t) => {
  const { user, origin } = await setUp(t)
  const question = {
    'x-forward-auth-secret': proxySecret,
    'x-forwarded-method': 'GET',
    'x-forwarded-uri': '/api/x',
    'x-forwarded-host': new URL(origin).host,
  }
  for (const path of ['/forward-auth', '/forward-auth?x', '/Forward-Auth', '/%66orward-auth']) {
    const answer = await user.call(path, { headers: question })
    assert.notEqual(answer.status, 204, path)
    assert.equal(answer.headers.authorization, undefined, path)
  }
  assert.equal((await user.call('/forward-auth', { headers: question })).status, 404)
})

test('nginx › a WebSocket › opens with the token; of a foreign page › 403, neither API hears of it', lane, async (t) => {
  const { api, brokersApi, user, origin } = await setUp(t)
  const peers = new WebSocketServer({ noServer: true })
  api.upgradeWith((req, socket, head) => {
    peers.handleUpgrade(req, socket, head, (peer) => peer.send('hello'))
  })
  t.after(() => peers.clients.forEach((peer) => peer.terminate()))
  const dial = (from: string) =>
    new WebSocket(`${origin.replace('http', 'ws')}/api/ws`, { headers: { cookie: user.cookieHeader(), origin: from } })
  const own = dial(origin)
  t.after(() => own.terminate())
  await once(own, 'message')
  assert.match(api.last().headers.authorization ?? '', /^Bearer at-/)
  const foreign = dial('https://evil.example')
  const [error] = (await once(foreign, 'error')) as [Error]
  assert.match(error.message, /403/)
  assert.deepEqual([api.seen.length, brokersApi.seen.length], [1, 0])
}) // prettier-ignore

test('nginx › the provider is away and the token over › 503 with Retry-After, as from the broker itself', lane, async (t) => {
  const { issuer, api, user } = await setUp(t)
  issuer.script.accessTokenSeconds = 0
  const other = browser(new URL((await user.call('/session')).url).origin)
  await other.navigate('/login')
  issuer.close()
  const answer = await other.call('/api/x')
  assert.deepEqual([answer.status, answer.json()['code']], [503, 'idp_unavailable'])
  assert.notEqual(answer.headers['retry-after'], undefined)
  assert.equal(api.seen.length, 0)
}) // prettier-ignore
