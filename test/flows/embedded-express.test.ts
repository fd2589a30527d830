import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Server } from 'node:http'
import { createServer } from 'node:http'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { Express } from 'express'
import express from 'express'
import session from 'express-session'
import helmet from 'helmet'
import { WebSocket, WebSocketServer } from 'ws'
import type { Broker } from '../../server/create-broker.ts'
import { createBroker } from '../../server/create-broker.ts'
import { browser, send } from '../support/browser.ts'
import { startScriptedIssuer } from '../support/scripted-issuer.ts'
import { startUpstream } from '../support/upstream.ts'
import { endTogether, listen, testConfig } from '../support/world.ts'

/** Somebody else's program on a port of its own, with a broker that `join` mounts as it likes. */
const startHost = async (
  t: TestContext,
  join: (app: Express, broker: Broker, server: Server) => void,
) => {
  const issuer = await startScriptedIssuer()
  const upstream = await startUpstream()
  const app = express()
  const server = createServer((req, res) => void app(req, res))
  const origin = `http://localhost:${await listen(server)}`
  const lines: string[] = []
  const note = (_facts: object, message: string) => void lines.push(message)
  const log = { debug: note, info: note, warn: note, error: note }
  const broker = createBroker(testConfig(origin, issuer.issuer, upstream), { log })
  join(app, broker, server)
  endTogether(t, { server, broker, issuer, upstream })
  return { origin, issuer, upstream, broker, server, lines, user: browser(origin) }
}

const withOwnPages = (app: Express, broker: Broker): void => {
  app.use(helmet())
  app.get('/before', (_req, res) => void res.send('before'))
  app.use(broker.handler)
  app.use(express.json())
  app.post('/after', (req, res) => void res.json({ got: req.body as unknown }))
  app.get('/metrics', (_req, res) => void res.send('the host has metrics of its own'))
  app.get('/{*path}', (_req, res) => void res.send('the app of the host'))
}

test('embedded › in an Express app › login, session, call and logout work beside its own pages', async (t) => {
  const { origin, issuer, upstream, user } = await startHost(t, withOwnPages)
  assert.equal((await user.visit('/before')).text, 'before')
  const landed = await user.navigate('/login?return_to=/orders')
  assert.deepEqual([landed.url, landed.text], [`${origin}/orders`, 'the app of the host'])
  assert.equal((await user.session())['authenticated'], true)
  const headers = { ...(await user.csrf()), 'content-type': 'application/json' }
  const body = '{"quantity":2}'
  assert.equal((await user.call('/api/orders', { method: 'POST', headers, body })).status, 200)
  assert.equal(upstream.last().body, body)
  assert.match(upstream.last().headers.authorization ?? '', /^Bearer at-/)
  const after = await user.call('/after', { method: 'POST', headers, body })
  assert.deepEqual(after.json(), { got: { quantity: 2 } })
  assert.equal((await user.call('/logout', { method: 'POST', headers })).status, 200)
  assert.equal(issuer.revoked.length, 1)
  assert.equal((await user.session())['authenticated'], false)
})

test("embedded › the host's helmet › the broker's answers keep their own headers", async (t) => {
  const { user, upstream } = await startHost(t, withOwnPages)
  await user.navigate('/login')
  upstream.answerWith((_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/html' }).end('<script>alert(1)</script>')
  })
  const page = await user.call('/api/page')
  const policy = "default-src 'none'; sandbox; frame-ancestors 'none'"
  assert.equal(page.headers['content-security-policy'], policy)
  assert.equal(page.headers['cache-control'], 'no-store')
  const own = await user.call('/session')
  assert.match(String(own.headers['content-security-policy']), /^default-src 'none'/)
  assert.equal(own.headers['cache-control'], 'no-store')
})

test('embedded › addresses kept for later › are the host’s for as long as the broker has none', async (t) => {
  const { user } = await startHost(t, withOwnPages)
  assert.equal((await user.visit('/metrics')).text, 'the host has metrics of its own')
})

test('embedded › behind express.json › a body that was read is a clear 500 at once, nothing is sent on', async (t) => {
  const { user, upstream, lines } = await startHost(t, (app, broker) => {
    app.use(express.json())
    app.use(express.urlencoded())
    app.use(broker.handler)
  })
  await user.navigate('/login')
  const csrf = await user.csrf()
  const headers = { ...csrf, 'content-type': 'application/json' }
  const seen = upstream.seen.length
  const read = await user.call('/api/orders', { method: 'POST', headers, body: '{"a":1}' })
  assert.deepEqual([read.status, read.json()['code']], [500, 'internal_error'])
  assert.equal(upstream.seen.length, seen)
  assert.match(lines.join('\n'), /before express\.json\(\)/)
  const form = { ...csrf, 'content-type': 'application/x-www-form-urlencoded' }
  const logout = await user.call('/logout', { method: 'POST', headers: form, body: 'return_to=/' })
  assert.equal(logout.status, 500)
  assert.equal((await user.session())['authenticated'], true)

  const text = { ...csrf, 'content-type': 'text/plain' }
  const unread = await user.call('/api/notes', { method: 'POST', headers: text, body: 'as it is' })
  assert.equal(unread.status, 200)
  assert.equal(upstream.last().body, 'as it is')
  assert.equal((await user.call('/api/orders')).status, 200)
})

test('embedded › behind the host’s own express-session › a clear 500, and no cookie of the host holds our id', async (t) => {
  const { origin, lines } = await startHost(t, (app, broker) => {
    app.use(session({ secret: 'of the host', resave: false, saveUninitialized: true }))
    app.use(broker.handler)
  })
  const answer = await send(`${origin}/session`)
  assert.equal(answer.status, 500)
  assert.match(lines.join('\n'), /Another session middleware ran first/)
})

test('embedded › the host’s own express-session behind it › both work', async (t) => {
  const { user } = await startHost(t, (app, broker) => {
    app.use(broker.handler)
    app.use(
      session({ secret: 'of the host', resave: false, saveUninitialized: true, name: 'host' }),
    )
    app.get('/own', (req, res) => void res.send(req.sessionID))
  })
  await user.navigate('/login')
  const own = await user.visit('/own')
  assert.equal(own.status, 200)
  assert.ok(user.cookies().get('host')?.value.includes(own.text))
  assert.equal((await user.session())['authenticated'], true)
})

test('embedded › mounted below a path › every request fails and says where to mount it', async (t) => {
  const errors: unknown[] = []
  const { origin } = await startHost(t, (app, broker) => {
    app.use('/auth', broker.handler)
    const keep: express.ErrorRequestHandler = (error, _req, res, _next) => {
      errors.push(error)
      res.status(500).send('host')
    }
    app.use(keep)
  })
  for (const path of ['/auth/login', '/auth/api/x', '/auth/anything'])
    assert.equal((await send(`${origin}${path}`)).text, 'host')
  assert.equal(errors.length, 3)
  assert.match(String(errors[0]), /TypeError: .*mount it with app\.use\(broker\.handler\)/)
})

test('embedded › server.on(upgrade) › WebSockets of a route pass, the host’s own too', async (t) => {
  const sockets = new WebSocketServer({ noServer: true })
  const host = await startHost(t, (app, broker, server) => {
    app.use(broker.handler)
    server.on('upgrade', (req, socket, head) => {
      if (req.url !== '/own-socket') return broker.upgrade(req, socket, head)
      sockets.handleUpgrade(req, socket, head, (peer) => peer.send('of the host'))
    })
  })
  host.upstream.upgradeWith((req, socket, head) => {
    sockets.handleUpgrade(req, socket, head, (peer) => peer.send('of the API'))
  })
  await host.user.navigate('/login')
  const greeting = async (path: string) => {
    const headers = { cookie: host.user.cookieHeader(), origin: host.origin }
    const socket = new WebSocket(`${host.origin.replace('http', 'ws')}${path}`, { headers })
    t.after(() => socket.terminate())
    const [message] = (await once(socket, 'message')) as [Buffer]
    return message.toString()
  }
  assert.equal(await greeting('/api/socket'), 'of the API')
  assert.equal(await greeting('/own-socket'), 'of the host')
})
