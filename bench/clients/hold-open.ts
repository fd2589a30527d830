import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import type { Socket } from 'node:net'

/** Opens connections of one kind, says so in one line once all have answered, and holds them; ends by itself when one is lost. */
export type HoldOpen = {
  readonly url: string
  readonly kind: 'websocket' | 'events'
  readonly headers: Readonly<Record<string, string>>
  readonly count: number
  /** Of many sessions, sent in turn: one session may not hold as many. */
  readonly cookies?: readonly string[]
}

const openedAtOnce = 50
const answerMs = 20_000

/** What the first bytes must contain for the connection to be open. */
const opened = { websocket: '101 Switching Protocols', events: ': open' } as const

const requestText = ({ url, kind, headers, cookies = [] }: HoldOpen, turn: number): string => {
  const cookie = cookies[turn % cookies.length]
  const { host, pathname } = new URL(url)
  const upgrade = [
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
  ]
  return [
    `GET ${pathname} HTTP/1.1`,
    `Host: ${host}`,
    ...Object.entries({ ...headers, ...(cookie !== undefined && { cookie }) }).map(
      ([name, value]) => `${name}: ${value}`,
    ),
    ...(kind === 'websocket' ? upgrade : ['Accept: text/event-stream']),
    '\r\n',
  ].join('\r\n')
}

const openOne = (plan: HoldOpen, turn: number): Promise<Socket> =>
  new Promise((resolve, reject) => {
    const { port } = new URL(plan.url)
    const socket = connect(Number(port), '127.0.0.1', () => socket.write(requestText(plan, turn)))
    let text = ''
    socket.setTimeout(answerMs, () => reject(new Error(`no answer but: ${text}`)))
    socket.once('error', reject)
    socket.once('close', () => reject(new Error(`closed after: ${text}`)))
    socket.on('data', (data) => {
      text += data.toString('latin1')
      if (!text.includes(opened[plan.kind])) return
      socket.removeAllListeners().setTimeout(0).resume()
      socket.once('close', () => fail('a connection was lost')).on('error', () => undefined)
      resolve(socket)
    })
  })

const fail = (why: string): never => {
  process.stderr.write(`${why}\n`)
  process.exit(1)
}

const openAll = async (plan: HoldOpen): Promise<void> => {
  for (let done = 0; done < plan.count; done += openedAtOnce)
    await Promise.all(
      Array.from({ length: Math.min(openedAtOnce, plan.count - done) }, (_, i) =>
        openOne(plan, done + i),
      ),
    )
}

// Our own bench wrote the argument.
const plan = JSON.parse(process.argv[2] ?? '') as HoldOpen
await openAll(plan)
process.stdout.write('open\n')
