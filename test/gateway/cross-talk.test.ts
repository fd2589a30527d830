import assert from 'node:assert/strict'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:http'
import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { chance } from '../chaos/random.ts'
import type { GatewayUser } from '../support/gateway.ts'
import { startGateway, tokenIn } from '../support/gateway.ts'

const calls = 4_000
const concurrent = 24
const seed = 20_260_801

/** Whose answer it is: the token that asked, and the number of the call. */
const nameOf = (request: string) =>
  `<${tokenIn(request)} ${/^x-n: (\d+)\r$/m.exec(request)?.[1] ?? '?'}>`

const sized = (body: string, more = '') =>
  `HTTP/1.1 200 OK\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`
const chunkOf = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`
const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'

type Ways = Readonly<Record<string, (socket: Socket, own: string, spare: string) => unknown>>

/** How an upstream answers or does not; `own` belongs to this call, `spare` to nobody's. */
const good: Ways = {
  plain: (socket, own) => socket.write(sized(own)),
  'in chunks': (socket, own) => {
    socket.write(`${chunked}${chunkOf(own.slice(0, 9))}`)
    setTimeout(() => socket.write(`${chunkOf(own.slice(9))}0\r\n\r\n`), 1)
  },
  'after a hint': (socket, own) => socket.write(`HTTP/1.1 103 X\r\nLink: <a>\r\n\r\n${sized(own)}`),
  'to the end of the connection': (socket, own) => socket.end(`HTTP/1.0 200 OK\r\n\r\n${own}`),
  'and closes': (socket, own) => socket.end(sized(own)),
  'and resets': (socket, own) => socket.write(sized(own), () => setTimeout(() => socket.resetAndDestroy(), 2)), // prettier-ignore
  late: (socket, own) => setTimeout(() => socket.write(sized(own)), 5),
  'with bytes behind': (socket, own, spare) => socket.write(`${sized(own)}${spare}`),
  'with an answer behind': (socket, own, spare) => socket.write(`${sized(own)}${sized(spare)}`),
  'with an answer behind chunks': (socket, own, spare) =>
    socket.write(`${chunked}${chunkOf(own)}0\r\n\r\n${sized(spare)}`),
  'with a hint behind': (socket, own) => socket.write(`${sized(own)}HTTP/1.1 103 X\r\n\r\n`),
}

const bad: Ways = {
  '204 with a body': (socket, _own, spare) => socket.write(`HTTP/1.1 204 X\r\nContent-Length: ${spare.length}\r\n\r\n${sized(spare)}`),
  '304 with an answer behind': (socket, _own, spare) => socket.write(`HTTP/1.1 304 X\r\n\r\n${sized(spare)}`),
  'TE and CL': (socket, _own, spare) => socket.write(sized(spare, 'Transfer-Encoding: chunked\r\n')),
  'two lengths': (socket, own, spare) => socket.write(`${sized(own, 'Content-Length: 3\r\n')}${sized(spare)}`),
  'no HTTP': (socket, _own, spare) => socket.write(`${spare}\r\n\r\n${sized(spare)}`),
  '100 unasked': (socket, _own, spare) => socket.write(`HTTP/1.1 100 Continue\r\n\r\n${sized(spare)}`),
  '101 unasked': (socket, _own, spare) => socket.write(`HTTP/1.1 101 X\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n${sized(spare)}`),
  'half by length, closes': (socket, own) => socket.end(sized(own).slice(0, -5)),
  'half by length, resets': (socket, own) => socket.write(sized(own).slice(0, -5), () => setTimeout(() => socket.resetAndDestroy(), 2)),
  'half of its chunks, closes': (socket, own) => socket.end(`${chunked}${chunkOf(own.slice(0, 9))}`),
  'broken chunks': (socket, own, spare) => socket.write(`${chunked}${chunkOf(own)}zz\r\n${sized(spare)}`),
  'nothing, closes': (socket) => socket.end(),
  'nothing, resets': (socket) => socket.resetAndDestroy(),
} // prettier-ignore

const goodNames = Object.keys(good)
const badNames = Object.keys(bad)

type Ended = { readonly status: number | 'cut'; readonly body: string }

const read = async (answer: IncomingMessage): Promise<Ended> => {
  let body = ''
  answer.setEncoding('latin1')
  try {
    for await (const chunk of answer) body += String(chunk)
    return { status: answer.statusCode ?? 0, body }
  } catch {
    return { status: 'cut', body }
  }
}

const setUp = async (t: TestContext) => {
  const gateway = await startGateway(t)
  const users = [await gateway.login(), await gateway.login()]
  // One pool for both, as a proxy in front has: their calls follow each other on the same connections.
  const agent = new Agent({ keepAlive: true, maxSockets: concurrent })
  t.after(() => agent.destroy())
  const call = ({ own }: GatewayUser, n: number, upload: 'none' | 'held' | 'flowing') =>
    new Promise<Ended>((resolve) => {
      const method = upload === 'none' ? 'GET' : 'POST'
      const framing = upload === 'held' ? { 'content-length': '2000' } : {}
      const headers = { ...Object.fromEntries(own), 'x-n': String(n), ...framing }
      const { port } = gateway.door
      const outgoing = request({ port, host: 'localhost', path: '/api/x', method, headers, agent })
      outgoing.once('response', (answer) => void read(answer).then(resolve))
      outgoing.once('error', () => resolve({ status: 'cut', body: '' }))
      outgoing.end(upload === 'none' ? undefined : 'x'.repeat(2_000))
    })
  return { gateway, users, call }
}

test('cross-talk › thousands of calls of two users, and an upstream that misbehaves at random (R21, MSG-8-a, HTTP-15.6.3-a) › each gets the own answer whole, or an error, or a cut', { timeout: 90_000 }, async (t) => {
  const { gateway, users, call } = await setUp(t)
  const random = chance(seed)
  const ways = new Map<string, string>()
  gateway.answer((socket, sent) => {
    const own = nameOf(sent)
    const name = random.next() < 0.7 ? random.pick(goodNames) : random.pick(badNames)
    ways.set(own, name)
    ;(good[name] ?? bad[name])?.(socket, own, `<nobody's, behind ${own.slice(1)}`)
  })
  const seen = new Map<string, number>()
  let next = 0
  const worker = async () => {
    while (next < calls) {
      const n = next
      next += 1
      const user = users[random.next() < 0.5 ? 0 : 1]
      assert.ok(user !== undefined)
      const { status, body } = await call(user, n, random.pick(['none', 'none', 'held', 'flowing']))
      const own = `<${user.token} ${n}>`
      const way = ways.get(own) ?? 'never sent'
      const told = `${n}, ${way}: ${status} ${body}`
      assert.doesNotMatch(body, /nobody's/, told)
      if (status === 200) assert.equal(body, own, told)
      else if (status === 'cut') assert.ok(own.startsWith(body), told)
      else if (status === 502) assert.match(body, /"upstream_unreachable"/, told)
      else assert.deepEqual([status === 204 || status === 304, body], [true, ''], told)
      seen.set(String(status), (seen.get(String(status)) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: concurrent }, worker))
  t.diagnostic(`seed ${seed}: ${[...seen].map(([status, count]) => `${count} × ${status}`).join(', ')}`)
  for (const [status, least] of [['200', calls / 2], ['502', calls / 20], ['cut', calls / 40], ['204', calls / 100], ['304', calls / 100]] as const)
    assert.ok((seen.get(status) ?? 0) > least, `${seen.get(status) ?? 0} × ${status}`)
}) // prettier-ignore
