import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import { request } from 'node:http'
import type { TestContext } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import type { Browser } from './browser.ts'
import { send } from './browser.ts'
import { scriptedClient } from './scripted-issuer.ts'
import type { World, WorldOptions } from './world.ts'
import { startWorld } from './world.ts'

/** A world whose API has an echo and an event stream, and a user who is logged in. */
export const startStreams = async (t: TestContext, options: WorldOptions = {}) => {
  const world = await startWorld(t, options)
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 64 * 1024 * 1024 })
  /** The API's ends. */
  const peers: WebSocket[] = []
  const answers: ServerResponse[] = []
  world.upstream.upgradeWith((req, socket, head) => {
    sockets.handleUpgrade(req, socket, head, (peer) => {
      peers.push(peer)
      peer.on('error', () => undefined)
      peer.on('message', (data, isBinary) => peer.send(data, { binary: isBinary }))
    })
  })
  world.upstream.answerWith((req, res) => {
    if (req.url !== '/api/events') return void res.end('{}')
    answers.push(res)
    res.writeHead(200, { 'Content-Type': 'text/event-stream' })
    res.write('data: 1\n\n')
  })
  t.after(() => peers.forEach((peer) => peer.terminate()))
  const user = await world.loggedIn()
  return {
    world,
    user,
    peers,
    answers,
    openSocket: (at = world.origin) => openSocket(t, world, user, at),
    openEvents: (at = world.origin) => openBody(t, world, user, `${at}/api/events`),
  }
}

export type Streams = Awaited<ReturnType<typeof startStreams>>

/** A WebSocket of the user's that has answered once. */
const openSocket = async (t: TestContext, world: World, user: Browser, at: string) => {
  const ws = new WebSocket(`${at.replace('http', 'ws')}/api/ws`, {
    headers: {
      host: new URL(world.origin).host,
      origin: world.origin,
      cookie: user.cookieHeader(),
    },
    perMessageDeflate: false,
  })
  t.after(() => ws.terminate())
  ws.on('error', () => undefined)
  await once(ws, 'open')
  ws.send('hello')
  await once(ws, 'message')
  const closed = once(ws, 'close').then(([code, reason]: unknown[]) => ({
    code,
    reason: String(reason),
    atMs: Date.now(),
  }))
  return { ws, closed }
}

/** An answer of which the first bytes are here; `ended` tells how it ends. */
export const openBody = async (t: TestContext, world: World, user: Browser, url: string) => {
  const headers = {
    host: new URL(world.origin).host,
    cookie: user.cookieHeader(),
    'sec-fetch-site': 'same-origin',
  }
  const outgoing = request(url, { headers, agent: false })
  t.after(() => outgoing.destroy())
  outgoing.on('error', () => undefined)
  outgoing.end()
  return await firstBytes(outgoing)
}

const firstBytes = async (outgoing: ClientRequest) => {
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
  let text = ''
  answer.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  const ended = new Promise<{ how: 'whole' | 'cut'; atMs: number }>((resolve) => {
    answer.once('end', () => resolve({ how: 'whole', atMs: Date.now() }))
    answer.once('error', () => resolve({ how: 'cut', atMs: Date.now() }))
  })
  await once(answer, 'data')
  return { outgoing, answer, ended, text: () => text }
}

/** Ends the session as the app does. */
export const logOut = async (user: Browser): Promise<void> => {
  const answer = await user.call('/logout', { method: 'POST', headers: await user.csrf() })
  assert.equal(answer.status, 200, answer.text)
}

/** The provider ends the session of the world's only login. */
export const logOutByProvider = async (world: World): Promise<void> => {
  const nowSeconds = Math.floor(Date.now() / 1_000)
  const token = await world.issuer.sign(
    {
      iss: world.issuer.issuer,
      aud: scriptedClient.id,
      iat: nowSeconds,
      exp: nowSeconds + 120,
      jti: randomUUID(),
      sid: 'op-session-1',
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    },
    { typ: 'logout+jwt' },
  )
  const answer = await send(`${world.origin}/backchannel-logout`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ logout_token: token }).toString(),
  })
  assert.equal(answer.status, 200, answer.text)
}
