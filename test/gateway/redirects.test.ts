import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startGateway } from '../support/gateway.ts'
import type { Pair } from '../support/raw.ts'
import { startRawUpstream } from '../support/raw.ts'

const length: Pair = ['Content-Length', '4']

/** Where an upstream may want the call to go on; `evil` listens, `own` is the upstream itself. */
const places: readonly (readonly [name: string, to: (evil: string, own: string) => string])[] = [
  ['another host', (evil) => `http://${evil}/`],
  ['another host without a scheme', (evil) => `//${evil}/`],
  ['another host with user info', (evil, own) => `http://${own}@${evil}/`],
  ['itself', (_evil, own) => `http://${own}/api/x/again`],
  ['itself by path', () => '/api/x/again'],
  ['the address of cloud metadata', () => 'http://169.254.169.254/latest/'],
]

test('redirect › of an upstream, whatever its status (R4, LOC-a) › never followed, the token goes nowhere a second time', async (t) => {
  const gateway = await startGateway(t)
  const user = await gateway.login()
  const evil = await startRawUpstream(t, (socket) => void socket.end())
  const host = (origin: string) => origin.replace('http://', '')
  for (const [name, to] of places)
    for (const status of [300, 301, 302, 303, 307, 308])
      for (const [method, headers, body] of [
        ['GET', [], ''],
        ['POST', [length], 'body'],
        ['PUT', [length], 'body'],
      ] as const)
        await t.test(`${name} › ${status} › ${method}`, async () => {
          const requests: string[] = []
          const location = to(host(evil.origin), host(gateway.raw.origin))
          gateway.answer((socket, request) => {
            requests.push(request)
            socket.write(`HTTP/1.1 ${status} X\r\nLocation: ${location}\r\nRefresh: 0; url=${location}\r\nContent-Length: 0\r\n\r\n`) // prettier-ignore
          })
          const answer = await gateway.ask(user, { start: `${method} /api/x`, headers, body })
          assert.equal(answer.status, status)
          assert.equal(requests.length, 1)
          assert.deepEqual(evil.connections, [])
          const passed = answer.header('location')
          assert.ok(passed === undefined || /^\/api\/x\/again$/.test(passed), passed)
          assert.equal(answer.header('refresh'), undefined)
        })
})
