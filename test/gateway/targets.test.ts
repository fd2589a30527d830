import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import fc from 'fast-check'
import { startGateway } from '../support/gateway.ts'
import {
  codeOf,
  openRaw,
  parseAnswer,
  rawExchange,
  requestText,
  startRawUpstream,
} from '../support/raw.ts'

const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** A gateway, and a place that no call of its users may ever reach. */
const setUp = async (t: TestContext) => {
  const gateway = await startGateway(t)
  gateway.answer((socket) => void socket.write(answer))
  const evil = await startRawUpstream(t, (socket) => void socket.write(answer))
  return { gateway, evil, user: await gateway.login() }
}

type Row = readonly [target: (evil: string, own: string) => string, status: number]

/** R1, R2: each would take the token elsewhere, were the target resolved as a URL. `evil` is a listening host:port. */
const elsewhere: readonly Row[] = [
  [(evil) => `//${evil}/api/x`, 400],
  [(evil) => `///${evil}/api/x`, 400],
  [(evil) => `/\\${evil}/api/x`, 400],
  [(evil) => `\\\\${evil}/api/x`, 400],
  [(evil) => `/\t/${evil}/api/x`, 400],
  [(evil) => `/.//${evil}/api/x`, 400],
  [(evil) => `/api/x/..//${evil}`, 400],
  [(evil) => `/api/x//${evil}`, 400],
  [(evil) => `/api/x/\\${evil}`, 400],
  [(evil) => `/api/x/%2f%2f${evil}`, 400],
  [(evil) => `/api/x/%5c%5c${evil}`, 400],
  [(evil) => `@${evil}/api/x`, 400],
  [(evil) => `/@${evil}/api/x`, 404],
  [(evil) => `.${evil}/api/x`, 400],
  [(evil) => `:80@${evil}/api/x`, 400],
  [(evil) => evil, 400],
  [(evil) => `http:${evil}/api/x`, 400],
  [(evil) => `http:/${evil}/api/x`, 400],
  [(evil) => `http://${evil}/api/x`, 421],
  [(evil) => `HTTP://${evil}/api/x`, 421],
  [(evil) => `https://${evil}/api/x`, 421],
  [(evil) => `ws://${evil}/api/x`, 421],
  [(evil, own) => `http://${own}@${evil}/api/x`, 421],
  [(evil, own) => `http://${evil}\\@${own}/api/x`, 421],
  [(evil, own) => `http://${own}.${evil}/api/x`, 421],
  [(evil) => `http:///${evil}/api/x`, 421],
  [() => 'http://169.254.169.254/latest/meta-data/', 421],
  [() => 'http://[::1]/api/x', 421],
  [(_evil, own) => `http://${own}/api/x`, 400],
  [() => 'file:///etc/passwd', 421],
  [() => 'http://', 421],
  [() => '?x', 400],
  [() => '#', 400],
  [() => '*', 400],
]

test('target › names another place (R1, R2, MSG-3.2.2-a) › refused, and nobody is connected to', async (t) => {
  const { gateway, evil, user } = await setUp(t)
  const host = evil.origin.replace('http://', '')
  for (const method of ['GET', 'POST', 'OPTIONS'])
    for (const [target, status] of elsewhere)
      await t.test(`${method} ${target('evil', 'own')}`, async () => {
        const start = `${method} ${target(host, gateway.door.host)}`
        const text = await gateway.call(user, { start })
        // Node's own parser answers what is no target at all.
        assert.ok([status, 400].includes(parseAnswer(text).status), text)
        assert.doesNotMatch(text, /HTTP\/1\.1 200/)
        assert.equal(evil.connections.length, 0)
        assert.equal(gateway.raw.connections.length, 0)
      })
})

const tunnels = ['CONNECT EVIL', 'CONNECT http://EVIL/', 'CONNECT OWN', 'CONNECT /api/x', 'CONNECT']
const probes = ['TRACE /api/x', 'TRACK /api/x', 'TRACE /', 'TRACE *', 'DEBUG /api/x']

test('method › CONNECT, TRACE, TRACK (HTTP-9.3.8-a, R2) › no tunnel, no echo, nobody is connected to', async (t) => {
  const { gateway, evil, user } = await setUp(t)
  const host = evil.origin.replace('http://', '')
  for (const start of [...tunnels, ...probes])
    await t.test(start, async () => {
      const line = start.replace('EVIL', host).replace('OWN', gateway.door.host)
      const bytes = requestText(line, [
        ...user.own,
        ['Max-Forwards', '5'],
        ['X-Echo', 'an-echoed-header'],
      ])
      const { socket, closed, text } = await openRaw(t, gateway.door.port)
      socket.write(`${bytes}${requestText('GET /api/x', [...user.own, ['Connection', 'close']])}`)
      await closed
      assert.doesNotMatch(text(), /^HTTP\/1\.1 2|an-echoed-header/)
      assert.equal(evil.connections.length, 0)
      assert.doesNotMatch(gateway.raw.connections.map((one) => one.text).join(''), /x-echo/i)
    })
})

/** R3, beyond what the other tests of paths have. */
const crooked = [
  '/api/x/%2e',
  '/api/x/%2E%2E/%2e%2e/admin',
  '/api/x/..',
  '/api/x/../../admin',
  '/api/x/.%2E/',
  '/api/x/%2e%2e%5cadmin',
  '/api/x/..%5c..%5cadmin',
  '/api/x\\..\\admin',
  '/api/x/%c0%ae%c0%ae/admin',
  '/api/x/%u002e%u002e/admin',
  '/api/x/%252e%252e%252fadmin',
  '/api/x/%25252e',
  '/api/x/..;/admin',
  '/api/x/..;a=b/admin',
  '/api/x;/../admin',
  '/api/x/%3b',
  '/api/x/%2f',
  '/api/x%2f..%2fadmin',
  '/api%2fx/a',
  '/%61pi/x/a',
  '/api/%78/a',
  '/api/x/a\tb',
  '/api/x/%09',
  '/api/x/%00.html',
  '/api/x/%0a',
  '/api/x/%7f',
  '/api/x//',
  '/api//x',
  '/api/x/"',
  '/api/x/<a>',
  '/api/x/^',
  '/api/x/%',
  '/api/x/%2',
  '/api/x/%g0',
  '/api/x/%ed%a0%80',
  '/api/x/..%20',
  '/api/x/..%20%20/admin',
  '/api/x/%20../admin',
  '/api/x/.%20/admin',
]

test('path › one that two readers read in two ways (R3, R1) › 400 invalid_path, upstream silent', async (t) => {
  const { gateway, user } = await setUp(t)
  for (const path of crooked)
    for (const suffix of ['', '?q'])
      await t.test(`${path}${suffix}`, async () => {
        const { status, body } = await gateway.ask(user, { start: `GET ${path}${suffix}` })
        assert.equal(status, 400, body)
        assert.ok(['invalid_path', 'invalid_request'].includes(String(codeOf(body))))
        assert.equal(gateway.raw.connections.length, 0)
      })
})

const piece = fc.constantFrom('/', '/', '.', '..', '%2e', '%2f', '%5c', '%25', '2e', '2f', '\\', ';', 'a', 'admin', '%c3%a9', '%20', ':', '@', '%') // prettier-ignore

/** As the most careless upstream would: decoded once more, dots resolved. */
const decodedOnceMore = (path: string): string =>
  new URL(`http://a${decodeURIComponent(path).replaceAll('\\', '/')}`).pathname

test('path › any pieces put together (R3, HTTP-7.7-a) › what passes is byte for byte the same, and stays below its prefix after one more decode', async (t) => {
  const { gateway, user } = await setUp(t)
  let passed = 0
  const check = async (pieces: readonly string[]) => {
    const path = `/api/x/${pieces.join('')}`
    const before = gateway.raw.connections.map(({ text }) => text.length)
    const bytes = requestText(`GET ${path}`, [...user.own, ['Connection', 'close']])
    const { status } = parseAnswer(await rawExchange(t, gateway.door.port, bytes))
    const sent = gateway.raw.connections.map(({ text }, i) => text.slice(before[i] ?? 0)).join('')
    if (status !== 200) return assert.deepEqual([status, sent], [400, ''])
    passed += 1
    assert.ok(sent.startsWith(`GET ${path} HTTP/1.1\r\n`), sent)
    assert.match(decodedOnceMore(path), /^\/api\/x\//)
  }
  const pieces = fc.array(piece, { minLength: 1, maxLength: 6 })
  await fc.assert(fc.asyncProperty(pieces, check), { numRuns: 400 })
  assert.ok(passed > 10, `${passed} passed`)
})
