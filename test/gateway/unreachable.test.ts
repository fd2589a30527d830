import assert from 'node:assert/strict'
import { createServer } from 'node:tls'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { capturedLog } from '../support/captured-log.ts'
import { startRawUpstream } from '../support/raw.ts'
import { route, startWorld } from '../support/world.ts'

/** A server that speaks TLS and has no certificate to show. */
const startBareTls = async (t: TestContext): Promise<string> => {
  const server = createServer()
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  // A listening TCP server has an address of this shape.
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const plain = async (t: TestContext): Promise<string> => {
  const { port } = await startRawUpstream(t, (socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nplain'))
  return `https://127.0.0.1:${port}`
}

const closing = async (t: TestContext): Promise<string> =>
  (await startRawUpstream(t, (socket) => void socket.resetAndDestroy())).origin

type Row = readonly [name: string, origin: (t: TestContext) => Promise<string>]

const rows: readonly Row[] = [
  ['refuses', () => Promise.resolve('http://127.0.0.1:1')],
  ['has a name that nobody knows', () => Promise.resolve('http://api.invalid')],
  ['speaks no TLS where TLS is asked for', plain],
  ['has no certificate', startBareTls],
  ['resets', closing],
]

for (const [name, start] of rows)
  test(`upstream › ${name} (HTTP-15.6.3-a) › 502 that says nothing of it, the log says why and shows no token`, async (t) => {
    const { log, text: logged } = capturedLog()
    const origin = await start(t)
    const world = await startWorld(t, { log, routes: () => [route('/api/x', origin)] })
    const user = await world.loggedIn()
    await user.call('/api/who')
    const token = (world.upstream.last().headers.authorization ?? '').replace('Bearer ', '')
    const answer = await user.call('/api/x/secret-id?code=secret-code')
    assert.equal(answer.status, 502, answer.text)
    assert.equal(answer.json()['code'], 'upstream_unreachable')
    const said = answer.text.replace(/"request_id":"[^"]+"/, '')
    assert.doesNotMatch(said, /127\.0\.0\.1|api\.invalid|ECONN|ENOTFOUND|TLS|SSL|secret/i)
    assert.match(logged(), /"code":"upstream_unreachable"/)
    assert.ok(!logged().includes(token) && !logged().includes('secret-code'))
  })
