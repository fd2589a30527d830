import type { Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { brokerServer, serve } from '../../server/broker-server.ts'
import type { Browser } from './browser.ts'
import type { World } from './world.ts'
import { listen } from './world.ts'

export type Pair = readonly [name: string, value: string]

export type RawAnswer = {
  readonly status: number
  /** As they came; names in lower case. */
  readonly pairs: readonly Pair[]
  /** The header's values in order. */
  readonly all: (name: string) => string[]
  readonly header: (name: string) => string | undefined
  readonly body: string
}

/** One request as bytes, exactly as given: nothing is added but the empty line. */
export const requestText = (start: string, headers: readonly Pair[], body = ''): string =>
  `${start} HTTP/1.1\r\n${headers.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n${body}`

/** What a browser sends to open a WebSocket on this origin (RFC 6455 section 4.1). */
export const upgradePairs = (origin: string, user: Browser): readonly Pair[] => [
  ['Host', new URL(origin).host],
  ['Origin', origin],
  ['Cookie', user.cookieHeader()],
  ['Connection', 'Upgrade'],
  ['Upgrade', 'websocket'],
  ['Sec-WebSocket-Version', '13'],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
]

/** The `code` of a problem in an answer's body. */
export const codeOf = (text: string): unknown => (JSON.parse(text) as { code?: unknown }).code

/** The first answer in what came over the wire; `body` is all that follows its header. */
export const parseAnswer = (text: string): RawAnswer => {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) throw new Error(`no whole answer in ${JSON.stringify(text.slice(0, 200))}`)
  const [start = '', ...lines] = text.slice(0, end).split('\r\n')
  const pairs = lines.map((line): Pair => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
  })
  const all = (name: string) => pairs.filter(([key]) => key === name).map(([, value]) => value)
  return {
    status: Number(start.split(' ')[1]),
    pairs,
    all,
    header: (name) => all(name)[0],
    body: text.slice(end + 4),
  }
}

export type RawConnection = Awaited<ReturnType<typeof openRaw>>

/** A TCP connection that keeps all it received, as latin1. */
export const openRaw = async (t: TestContext, port: number) => {
  const socket = connect(port, 'localhost')
  let text = ''
  const waiting = new Set<() => void>()
  const look = () => waiting.forEach((check) => check())
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
    look()
  })
  socket.on('error', () => undefined)
  const closed = new Promise<void>((resolve) => {
    socket.once('close', () => {
      resolve()
      look()
    })
  })
  t.after(() => socket.destroy())
  await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
  /** Resolves once what came matches; rejects when the connection closes without it. */
  const until = (pattern: RegExp): Promise<string> =>
    new Promise((resolve, reject) => {
      const check = () => {
        if (!pattern.test(text) && !socket.closed) return
        waiting.delete(check)
        if (pattern.test(text)) resolve(text)
        else reject(new Error(`closed without ${pattern.source}: ${text.slice(0, 400)}`))
      }
      waiting.add(check)
      check()
    })
  return { socket, closed, until, text: () => text }
}

/** Sends the bytes and reads until the other side closes. */
export const rawExchange = async (t: TestContext, port: number, bytes: string): Promise<string> => {
  const { socket, closed, text } = await openRaw(t, port)
  socket.write(bytes, 'latin1')
  await closed
  return text()
}

/** The broker behind the server that `npm start` puts around it. */
export const openDoor = async (t: TestContext, world: World) => {
  const server = brokerServer()
  serve(server, world.broker)
  const port = await listen(server)
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const host = new URL(world.origin).host
  /** One request on a connection of its own, `Host` and `Connection: close` added. */
  const exchange = (start: string, headers: readonly Pair[] = [], body = ''): Promise<string> =>
    rawExchange(
      t,
      port,
      requestText(start, [['Host', host], ['Connection', 'close'], ...headers], body),
    )
  const ask = async (start: string, headers: readonly Pair[] = [], body = '') =>
    parseAnswer(await exchange(start, headers, body))
  return { port, host, server, exchange, ask }
}

export type Door = Awaited<ReturnType<typeof openDoor>>

/** The headers of a call by the app of a logged-in browser. */
export const appHeaders = async (user: Browser): Promise<readonly Pair[]> => [
  ['Cookie', user.cookieHeader()],
  ['Sec-Fetch-Site', 'same-origin'],
  ...Object.entries(await user.csrf()),
]

/** An upstream that speaks bytes: `onBytes` gets each connection's input so far. */
export const startRawUpstream = async (
  t: TestContext,
  onBytes: (socket: Socket, soFar: string) => void,
) => {
  const connections: { text: string }[] = []
  const server = createServer((socket) => {
    const connection = { text: '' }
    connections.push(connection)
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => {
      connection.text += chunk.toString('latin1')
      onBytes(socket, connection.text)
    })
    t.after(() => socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  // A listening TCP server has an address of this shape.
  const { port } = server.address() as AddressInfo
  return { origin: `http://127.0.0.1:${port}`, port, connections }
}

/** Resolves when the condition holds; fails loudly when it does not within some seconds. */
export const eventually = async (what: string, holds: () => boolean): Promise<void> => {
  const untilMs = Date.now() + 8_000
  while (!holds()) {
    if (Date.now() > untilMs) throw new Error(`never happened: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
