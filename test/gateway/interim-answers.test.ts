import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { startGateway, tokenIn } from '../support/gateway.ts'
import { codeOf, parseAnswer } from '../support/raw.ts'

const final = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfinal'

const setUp = async (t: TestContext) => {
  const gateway = await startGateway(t)
  return { gateway, ada: await gateway.login(), bob: await gateway.login() }
}

const hints = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n'

/** Kept from the browser: a hint would speak for the origin before the broker has looked at the answer. */
const kept: readonly (readonly [name: string, bytes: string])[] = [
  ['103', `${hints}\r\n`],
  ['103 with Set-Cookie', `${hints}Set-Cookie: session=evil; Path=/\r\n\r\n`],
  ['103 with a length', `${hints}Content-Length: 4\r\n\r\n`],
  ['103 with chunks announced', `${hints}Transfer-Encoding: chunked\r\n\r\n`],
  ['103 that would open the answer to others', `${hints}Access-Control-Allow-Origin: *\r\n\r\n`],
  ['102', 'HTTP/1.1 102 Processing\r\n\r\n'],
  ['one nobody knows', 'HTTP/1.1 199 Hm\r\nX-A: b\r\n\r\n'],
  ['fifty', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(50)],
]

test('1xx › from the upstream (HTTP-15.2-a) › kept back, the final answer alone passes', async (t) => {
  const { gateway, ada } = await setUp(t)
  for (const [name, bytes] of kept)
    await t.test(name, async () => {
      gateway.answer((socket) => void socket.write(`${bytes}${final}`))
      const text = await gateway.call(ada)
      const { status, header, body } = parseAnswer(text)
      assert.deepEqual([status, body], [200, 'final'])
      assert.equal(text.match(/HTTP\/1\.1/g)?.length, 1)
      for (const gone of ['set-cookie', 'link', 'access-control-allow-origin', 'x-a'])
        assert.equal(header(gone), undefined)
    })
})

const upgrade = 'HTTP/1.1 101 Switching Protocols\r\n'

/** Nobody asked for these; the connection is of no more use. */
const unasked: readonly (readonly [name: string, bytes: string])[] = [
  ['100 that nobody waits for', `HTTP/1.1 100 Continue\r\n\r\n${final}`],
  ['101 to WebSocket', `${upgrade}Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n${final}`],
  ['101 to h2c', `${upgrade}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n`],
  ['101 without Upgrade', `${upgrade}\r\n${final}`],
  ['a flood', 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(5_000) + final],
  ['a header that is too long', `${hints}X-A: ${'a'.repeat(70_000)}\r\n\r\n${final}`],
  ['a broken one', `HTTP/1.1 103 X\r\nNoColon\r\n\r\n${final}`],
]

test('1xx › unasked or without end (HTTP-15.2-a, HTTP-15.6.3-a, R27) › 502, the next user gets a connection and an answer of its own', async (t) => {
  const { gateway, ada, bob } = await setUp(t)
  for (const [name, bytes] of unasked)
    await t.test(name, async () => {
      gateway.answer((socket) => void socket.write(bytes))
      const { status, body } = await gateway.ask(ada, { start: 'POST /api/x' })
      assert.deepEqual([status, codeOf(body)], [502, 'upstream_unreachable'])
      const before = gateway.raw.connections.length
      const own = (request: string) => `HTTP/1.1 200 OK\r\nContent-Length: 39\r\n\r\n${tokenIn(request)}` // prettier-ignore
      gateway.answer((socket, request) => void socket.write(own(request)))
      assert.equal((await gateway.ask(bob)).body, bob.token)
      assert.equal(gateway.raw.connections.length, before + 1)
    })
})

test('1xx › one every now and then, and no end (HTTP-15.2-a, R27) › the call ends', async (t) => {
  const { gateway, ada } = await setUp(t)
  gateway.answer((socket) => {
    const timer = setInterval(() => socket.write('HTTP/1.1 102 Processing\r\n\r\n'), 5)
    socket.once('close', () => clearInterval(timer))
  })
  assert.equal((await gateway.ask(ada, { start: 'POST /api/x' })).status, 502)
})

test('1xx › and then the end of the connection (HTTP-15.2-a, HTTP-15.6.3-a) › 502', async (t) => {
  const { gateway, ada } = await setUp(t)
  for (const bytes of [hints, `${hints}\r\n`, `${hints}Connection: close\r\n\r\n`]) {
    gateway.answer((socket) => void socket.end(bytes))
    assert.equal((await gateway.ask(ada, { start: 'POST /api/x' })).status, 502)
  }
})
