import assert from 'node:assert/strict'
import type { AddressInfo, Socket } from 'node:net'
import { createServer } from 'node:net'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { freePort } from '../support/redis-server.ts'
import { RequestNotSent, providerFetch } from '../../server/oidc/provider-fetch.ts'

const post = { method: 'POST', headers: {}, body: 'grant_type=refresh_token', redirect: 'manual' } as const // prettier-ignore

const fetcher = (t: TestContext) => {
  const made = providerFetch()
  t.after(made.close)
  return (url: string, signal?: AbortSignal) =>
    made.fetch(url, { ...post, ...(signal !== undefined && { signal }) })
}

/** A server that treats each connection as the test says. */
const serve = async (t: TestContext, treat: (socket: Socket) => void) => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    treat(socket)
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.after(() => void server.close())
  // A listening TCP server has an address of this shape.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`
}

test('providerFetch › nobody listens, or no such name › RequestNotSent', async (t) => {
  const fetch = fetcher(t)
  await assert.rejects(fetch(`http://127.0.0.1:${await freePort()}/token`), RequestNotSent)
  await assert.rejects(fetch('http://no-such-name.invalid/token'), RequestNotSent)
})

test('providerFetch › plain TCP where TLS should be › RequestNotSent', async (t) => {
  const url = await serve(t, (socket) => socket.end('not TLS'))
  await assert.rejects(fetcher(t)(url.replace('http:', 'https:')), RequestNotSent)
})

const cuts: Readonly<Record<string, (socket: Socket) => void>> = {
  'cut once the request came': (socket) => socket.once('data', () => socket.destroy()),
  'cut in the middle of the header': (socket) =>
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Type: app')),
}
for (const [name, treat] of Object.entries(cuts))
  test(`providerFetch › ${name} › rejects, and not as unsent`, async (t) => {
    const url = await serve(t, treat)
    await assert.rejects(fetcher(t)(url), (error) => !(error instanceof RequestNotSent))
  })

test('providerFetch › no answer in time › rejects, and not as unsent', async (t) => {
  const url = await serve(t, (socket) => socket.resume())
  const late = fetcher(t)(url, AbortSignal.timeout(200))
  await assert.rejects(late, (error) => !(error instanceof RequestNotSent))
})

test('providerFetch › an answer › as it came, each on a connection of its own', async (t) => {
  let connections = 0
  const url = await serve(t, (socket) => {
    connections += 1
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'))
  })
  const fetch = fetcher(t)
  for (let times = 0; times < 3; times += 1) assert.equal(await (await fetch(url)).text(), 'ok')
  assert.equal(connections, 3)
})
