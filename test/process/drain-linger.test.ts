import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { brokerServer, drainServer, serve } from '../../server/broker-server.ts'
import type { Broker } from '../../server/create-broker.ts'
import { send } from '../support/browser.ts'
import { startMain } from '../support/npm-start.ts'
import { redisLane } from '../support/redis-server.ts'
import { listen } from '../support/world.ts'
import { connectTo, isDraining, isRefused, startParts, until } from './parts.ts'

/** A server whose `/held` waits, and answers all else. */
const start = async (t: TestContext) => {
  const held: ServerResponse[] = []
  const broker: Broker = {
    handler: (req, res) => {
      if (req.url === '/held') held.push(res)
      else res.end('answered')
    },
    checkContinue: (_req, res) => void res.end(),
    upgrade: (_req, socket) => void socket.destroy(),
    drain: () => undefined,
    goAway: () => undefined,
    reload: () => Promise.resolve(),
    close: () => Promise.resolve(),
  }
  const server = brokerServer()
  serve(server, broker)
  const origin = `http://localhost:${await listen(server)}`
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const hold = async () => {
    const call = send(`${origin}/held`)
    call.catch(() => undefined)
    await until(() => held.length > 0)
    return { call, answer: () => held.shift()?.end('late') }
  }
  return { server, origin, hold }
}

test('drainServer › a call under way, no linger › new connections are answered until it ends, then refused', async (t) => {
  const { server, origin, hold } = await start(t)
  const { call, answer } = await hold()
  const drained = drainServer(server, { graceMs: 60_000, lingerMs: 0 })
  for (let calls = 0; calls < 3; calls += 1)
    assert.equal((await send(`${origin}/x`)).text, 'answered')
  answer()
  assert.deepEqual([(await call).text, (await call).headers.connection], ['late', 'close'])
  await drained
  assert.ok(await isRefused(origin))
})

test('drainServer › nothing under way, a linger › new connections are answered until it is over', async (t) => {
  const { server, origin } = await start(t)
  const drained = drainServer(server, { graceMs: 60_000, lingerMs: 300 })
  assert.equal((await send(`${origin}/x`)).text, 'answered')
  await until(() => isRefused(origin))
  await drained
})

test('drainServer › nothing under way, no linger › over at once, idle connections too', async (t) => {
  const { server, origin } = await start(t)
  const socket = await connectTo(t, origin)
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(socket, 'data')
  socket.resume()
  const closed = once(socket, 'close')
  await drainServer(server, { graceMs: 60_000, lingerMs: 0 })
  await closed
  assert.ok(await isRefused(origin))
})

test('drainServer › a call that hangs › nobody new after three quarters of the time, all cut at its end', async (t) => {
  const { server, origin, hold } = await start(t)
  const { call } = await hold()
  const drained = drainServer(server, { graceMs: 1_000, lingerMs: 60_000 })
  await until(() => isRefused(origin))
  await assert.rejects(call)
  await drained
})

test(
  'main › SIGTERM in production, idle › /readyz tells new connections 503 for a while, then exit 0',
  redisLane(),
  async (t) => {
    const { env } = await startParts(t)
    const main = await startMain(t, {
      ...env,
      NODE_ENV: 'production',
      HOST: '127.0.0.1',
      BASE_URL: 'https://app.example',
      OIDC_ISSUER: 'https://id.example',
    })
    const origin = `http://127.0.0.1:${env.PORT}`
    assert.equal((await send(`${origin}/readyz`)).status, 200)
    main.signal('SIGTERM')
    await until(() => isDraining(origin))
    assert.ok(await isDraining(origin))
    assert.equal(await main.exited, 0)
    assert.ok(await isRefused(origin))
  },
)
