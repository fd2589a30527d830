import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { startGateway } from '../support/gateway.ts'
import type { Pair } from '../support/raw.ts'
import { openRaw, parseAnswer, requestText } from '../support/raw.ts'

const setUp = async (t: TestContext) => {
  const gateway = await startGateway(t)
  const user = await gateway.login()
  gateway.answer((socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
  const sent = () => gateway.raw.connections.map(({ text }) => text).join('')
  const open = async (start: string, headers: readonly Pair[], version = '1.1') => {
    const connection = await openRaw(t, gateway.door.port)
    const bytes = requestText(start, [...user.own, ...headers])
    connection.socket.write(bytes.replace(' HTTP/1.1\r\n', ` HTTP/${version}\r\n`))
    return connection
  }
  return { gateway, user, sent, open }
}

const length: Pair = ['Content-Length', '4']

const asked: readonly (readonly [name: string, headers: readonly Pair[]])[] = [
  ['in odd cases', [['eXPECT', '100-Continue'], length]],
  ['named by Connection', [['Expect', '100-continue'], ['Connection', 'Expect'], length]],
  ['with headers that Connection names', [['Expect', '100-continue'], ['Connection', 'Authorization, Cookie, Content-Length, X-CSRF-Token, X-Foo'], ['X-Foo', '1'], ['Authorization', 'Basic x'], length]],
  ['with a chunked body', [['Expect', '100-continue'], ['Transfer-Encoding', 'chunked']]],
] // prettier-ignore

for (const [name, headers] of asked)
  test(`Expect: 100-continue › ${name} (HTTP-10.1.1-a, R19, HTTP-7.6.1-b) › asked for once, the body passes whole, the upstream hears of no Expect`, async (t) => {
    const { user, sent, open } = await setUp(t)
    const { socket, until } = await open('POST /api/x', headers)
    const before = await until(/\r\n\r\n/)
    assert.match(before, /^HTTP\/1\.1 100 Continue\r\n\r\n$/)
    socket.write(headers.includes(length) ? 'body' : '4\r\nbody\r\n0\r\n\r\n')
    const text = await until(/ok$/)
    assert.equal(text.match(/HTTP\/1\.1 /g)?.length, 2)
    const [head = '', ...body] = sent().split('\r\n\r\n')
    assert.match(body.join(''), /^(?:4\r\n)?body/)
    assert.doesNotMatch(head, /^(?:expect|cookie|x-csrf-token|x-foo):/im)
    assert.match(head, new RegExp(`\r\nauthorization: Bearer ${user.token}(?:\r\n|$)`))
    assert.equal(head.match(/^authorization:/gim)?.length, 1)
  })

test('Expect: 100-continue › refused, and the body comes all the same (HTTP-10.1.1-a, R21) › one final status, the connection ends, nothing in the body is a request', async (t) => {
  const { gateway, user, sent } = await setUp(t)
  const hidden = requestText('POST /api/x', [...user.own, ['Content-Length', '0']])
  const anonymous = user.own.filter(([name]) => name !== 'Cookie')
  const headers: readonly Pair[] = [
    ...anonymous,
    ['eXPECT', '100-CONTINUE'],
    ['Connection', 'Expect, Content-Length'],
    ['Content-Length', '100000'],
  ]
  const { socket, closed, text } = await openRaw(t, gateway.door.port)
  socket.write(requestText('POST /api/x', headers, hidden))
  await closed
  assert.equal(text().match(/HTTP\/1\.1 /g)?.length, 1)
  assert.equal(parseAnswer(text()).status, 401)
  assert.equal(sent(), '')
})

test('Expect: 100-continue › without a body (HTTP-10.1.1-a) › a final answer', async (t) => {
  const { open } = await setUp(t)
  const { until } = await open('GET /api/x', [['Expect', '100-continue']])
  assert.match(await until(/ok$/), /HTTP\/1\.1 200 OK\r\n/)
})

test('Expect: 100-continue › from HTTP/1.0 (HTTP-10.1.1-a) › never answered with 100', async (t) => {
  const { open } = await setUp(t)
  const { socket, closed, text } = await open('POST /api/x', [['Expect', '100-continue'], length], '1.0') // prettier-ignore
  socket.write('body')
  await closed
  assert.match(text(), /^HTTP\/1\.1 200 OK\r\n/)
})

test('Expect › something else (HTTP-10.1.1-a) › as if it had not been said', async (t) => {
  const { sent, open } = await setUp(t)
  for (const value of ['200-ok', 'x=y', '']) {
    const { socket, until } = await open('POST /api/x', [['Expect', value], length])
    socket.write('body')
    assert.match(await until(/ok$/), /^HTTP\/1\.1 200 OK\r\n/)
  }
  assert.equal(sent().match(/\r\n\r\nbody/g)?.length, 3)
  assert.doesNotMatch(sent(), /^expect:/im)
})
