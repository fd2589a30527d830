import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import type { Browser } from '../support/browser.ts'
import { browser } from '../support/browser.ts'
import { startMain } from '../support/npm-start.ts'
import { redisLane } from '../support/redis-server.ts'
import {
  holdRefreshes,
  isDraining,
  isRefused,
  openGet,
  startGet,
  startParts,
  until,
} from './parts.ts'

const lane = redisLane()

type Parts = Awaited<ReturnType<typeof startParts>>

/** A person whose access token is over and whose refresh is under way, held at the issuer. */
const startRefresh = async (t: TestContext, { issuer }: Parts, origin: string) => {
  const user = browser(origin)
  issuer.script.accessTokenSeconds = 0
  await user.navigate('/login')
  issuer.script.accessTokenSeconds = 300
  const refresh = holdRefreshes(issuer)
  const call = openGet(t, `${origin}/api/things`, user.cookieHeader())
  await until(() => issuer.grants('refresh_token') === 1)
  return { user, refresh, call }
}

/** The next process calls with the token of that one refresh, and the strict issuer sees nothing twice. */
const expectSaved = async (t: TestContext, { issuer, upstream, env }: Parts, user: Browser) => {
  upstream.answerWith((_req, res) => void res.end('{}'))
  const next = await startMain(t, env)
  assert.equal((await user.call('/api/things')).status, 200)
  assert.equal((await user.session())['authenticated'], true)
  assert.match(upstream.last().headers.authorization ?? '', /^Bearer at-/)
  assert.equal(issuer.grants('refresh_token'), 1)
  assert.equal(await next.stop(), 0)
}

test(
  'main › SIGTERM, a call waits for its refresh › the call succeeds, the token is saved',
  lane,
  async (t) => {
    const parts = await startParts(t)
    const main = await startMain(t, parts.env)
    const { user, refresh, call } = await startRefresh(t, parts, main.origin)
    const answered = once(call, 'response')
    main.signal('SIGTERM')
    await until(() => isDraining(main.origin))
    refresh.release()
    const [answer] = (await answered) as [NodeJS.ReadableStream & { statusCode: number }]
    answer.resume()
    assert.equal(answer.statusCode, 200)
    assert.equal(await main.exited, 0)
    await expectSaved(t, parts, user)
  },
)

test(
  'main › SIGTERM, the caller of a refresh has gone › the token is saved before the exit',
  lane,
  async (t) => {
    const parts = await startParts(t)
    const main = await startMain(t, parts.env)
    const { user, refresh, call } = await startRefresh(t, parts, main.origin)
    call.once('error', () => undefined).destroy()
    main.signal('SIGTERM')
    await until(() => isRefused(main.origin))
    refresh.release()
    assert.equal(await main.exited, 0)
    await expectSaved(t, parts, user)
  },
)

/** An event stream and a WebSocket through the broker, both open; resolves `ended` when both are closed. */
const openStreams = async (t: TestContext, { upstream }: Parts, origin: string) => {
  const sockets = new WebSocketServer({ noServer: true })
  upstream.upgradeWith((req, socket, head) => {
    sockets.handleUpgrade(req, socket, head, (peer) => peer.send('hello'))
  })
  upstream.answerWith((_req, res) => {
    res.writeHead(200, { 'Content-Type': 'text/event-stream' })
    res.write('data: 1\n\n')
  })
  const user = browser(origin)
  await user.navigate('/login')
  const events = await startGet(t, `${origin}/api/events`, user.cookieHeader())
  assert.equal(events.statusCode, 200)
  const socket = new WebSocket(`${origin.replace('http', 'ws')}/api/socket`, {
    headers: { cookie: user.cookieHeader(), origin },
  })
  t.after(() => socket.terminate())
  await once(socket, 'message')
  events.once('error', () => undefined).resume()
  const eventsEnded = new Promise<void>((resolve) => events.once('close', resolve))
  const closed = once(socket, 'close').then(([code]: unknown[]) => code)
  return { ended: Promise.all([closed, eventsEnded]).then(([code]) => code) }
}

test(
  'main › SIGTERM with an event stream and a WebSocket open › close 1001, both end in time, exit 0',
  lane,
  async (t) => {
    const parts = await startParts(t)
    const main = await startMain(t, { ...parts.env, SHUTDOWN_SECONDS: '1' })
    const { ended } = await openStreams(t, parts, main.origin)
    assert.equal(await main.stop(), 0)
    assert.equal(await ended, 1001)
  },
)

test(
  'main › SIGTERM with streams open and a refresh under way › the token is saved',
  lane,
  async (t) => {
    const parts = await startParts(t)
    const main = await startMain(t, { ...parts.env, SHUTDOWN_SECONDS: '5' })
    const { ended } = await openStreams(t, parts, main.origin)
    const { user, refresh, call } = await startRefresh(t, parts, main.origin)
    call.once('error', () => undefined).destroy()
    main.signal('SIGTERM')
    await ended
    // Its streams are cut; the process is still there for the refresh.
    refresh.release()
    assert.equal(await main.exited, 0)
    await expectSaved(t, parts, user)
  },
)
