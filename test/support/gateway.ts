import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import type { Route } from '../../server/config/config.ts'
import type { Browser } from './browser.ts'
import type { Pair } from './raw.ts'
import { appHeaders, openDoor, openRaw, parseAnswer, requestText, startRawUpstream } from './raw.ts'
import { route, startWorld } from './world.ts'

/** One logged-in user of a gateway under test, with the access token that the upstream sees for it. */
export type GatewayUser = {
  readonly browser: Browser
  readonly token: string
  /** `Host` and what the app sends, ready for the wire. */
  readonly own: readonly Pair[]
}

/** A raw answer of an upstream to the request that came last on this connection. */
export type Script = (socket: Socket, request: string) => void

/** Requests whose header is whole in what a connection received so far. */
const requestsIn = (text: string): readonly string[] =>
  text.split(/(?=(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|QUERY) \/\S* HTTP\/1\.1\r\n)/)

/**
 * The real broker in front of an upstream that speaks bytes. `/api/x` goes to the raw one, whose script may be changed
 * between calls; the rest of `/api` to an upstream that records.
 */
export const startGateway = async (t: TestContext, over: Partial<Route> = {}) => {
  const state: { script: Script } = { script: (socket) => void socket.destroy() }
  const heard = new WeakMap<Socket, number>()
  const raw = await startRawUpstream(t, (socket, soFar) => {
    const requests = requestsIn(soFar)
    const last = requests.at(-1) ?? ''
    // Once for each request, when its header is there.
    if (!last.includes('\r\n\r\n') || heard.get(socket) === requests.length) return
    heard.set(socket, requests.length)
    state.script(socket, last)
  })
  const world = await startWorld(t, { routes: () => [route('/api/x', raw.origin, over)] })
  const door = await openDoor(t, world)
  const login = async (): Promise<GatewayUser> => {
    const browser = await world.loggedIn()
    await browser.call('/api/who')
    const token = (world.upstream.last().headers.authorization ?? '').replace('Bearer ', '')
    return { browser, token, own: [['Host', door.host], ...(await appHeaders(browser))] }
  }
  /** The whole answer to one call on a connection of its own, and whether it was cut before its end. */
  const call = async (
    user: GatewayUser,
    options: { start?: string; headers?: readonly Pair[]; body?: string } = {},
  ) => {
    const { start = 'GET /api/x', headers = [], body = '' } = options
    const close: Pair = ['Connection', 'close']
    const bytes = requestText(start, [...user.own, close, ...headers], body)
    const connection = await openRaw(t, door.port)
    connection.socket.write(bytes, 'latin1')
    await connection.closed
    return connection.text()
  }
  return {
    world,
    door,
    raw,
    login,
    call,
    /** What the raw upstream does with the requests that come from now on. */
    answer: (script: Script) => {
      state.script = script
    },
    ask: async (...args: Parameters<typeof call>) => parseAnswer(await call(...args)),
  }
}

/** The access token that a request carries. */
export const tokenIn = (request: string): string =>
  /^authorization: Bearer (\S+)\r$/im.exec(request)?.[1] ?? 'none'

export type Gateway = Awaited<ReturnType<typeof startGateway>>

/** A body as its framing has it; `whole` is false where the answer ended before its end. */
export const readFramed = (text: string): { readonly body: string; readonly whole: boolean } => {
  const { header, body } = parseAnswer(text)
  const length = header('content-length')
  if (length !== undefined)
    return { body: body.slice(0, Number(length)), whole: body.length === Number(length) }
  return header('transfer-encoding') === 'chunked' ? dechunked(body) : { body, whole: true }
}

const dechunked = (text: string): { readonly body: string; readonly whole: boolean } => {
  let body = ''
  let rest = text
  for (;;) {
    const [line, hex] = /^([0-9a-f]+)\r\n/i.exec(rest) ?? []
    if (line === undefined || hex === undefined) return { body, whole: false }
    const size = Number.parseInt(hex, 16)
    if (size === 0) return { body, whole: rest === '0\r\n\r\n' }
    body += rest.slice(line.length, line.length + size)
    rest = rest.slice(line.length + size + 2)
  }
}
