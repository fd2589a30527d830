import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { browser } from '../support/browser.ts'
import { startMain } from '../support/npm-start.ts'
import { connectTo, gate, isDraining, isRefused, keptGet, startParts, until } from './parts.ts'

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  test(`main › ${signal} twice during a slow call › 200 with Connection: close, whoever is new hears of it, exit 0`, async (t) => {
    const { upstream, env } = await startParts(t, 'process')
    const main = await startMain(t, env)
    const user = browser(main.origin)
    await user.navigate('/login')
    const before = await keptGet(t, `${main.origin}/api/quick`, user.cookieHeader())
    assert.equal(before.connection, 'keep-alive')
    const held = gate()
    upstream.answerWith((_req, res) => void held.opened.then(() => res.end('late')))
    const slow = keptGet(t, `${main.origin}/api/slow`, user.cookieHeader())
    await until(() => upstream.seen.length === 2)

    main.signal(signal)
    await until(() => isDraining(main.origin))
    main.signal(signal)
    assert.ok(await isDraining(main.origin))
    const other = await keptGet(t, `${main.origin}/livez`, '')
    assert.deepEqual(other, { status: 200, connection: 'close' })
    held.open()
    assert.deepEqual(await slow, { status: 200, connection: 'close' })
    await until(() => isRefused(main.origin))
    assert.equal(await main.exited, 0)
    assert.equal(main.complaints(), '')
  })

test('main › draining, a request on an open connection › /readyz says 503, /livez 200, both close', async (t) => {
  const { env } = await startParts(t, 'process')
  const main = await startMain(t, env)
  const answerTo = async (path: string) => {
    const socket = await connectTo(t, main.origin)
    // A request that is half here keeps its connection open until it is answered.
    socket.write(`GET ${path} HTTP/1.1\r\n`)
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
    const closed = once(socket, 'close').then(() => text)
    return { finish: () => socket.write(`Host: localhost:${env.PORT}\r\n\r\n`), closed }
  }
  const ready = await answerTo('/readyz')
  const live = await answerTo('/livez')
  await fetch(`${main.origin}/livez`)
  main.signal('SIGTERM')
  await until(() => isRefused(main.origin))
  ready.finish()
  live.finish()
  const readyText = await ready.closed
  assert.match(readyText, /^HTTP\/1\.1 503 /)
  assert.match(readyText, /\r\nConnection: close\r\n/i)
  assert.match(readyText, /"process":\{"status":"draining"\}/)
  assert.match(await live.closed, /^HTTP\/1\.1 200 [^]*\r\nConnection: close\r\n/i)
  assert.equal(await main.exited, 0)
})

const limit = { timeout: 30_000 }

test(
  'main › connections opened and never used, or idle › do not keep the process',
  limit,
  async (t) => {
    const { env } = await startParts(t, 'process')
    const main = await startMain(t, { ...env, SHUTDOWN_SECONDS: '600' })
    const spare = await connectTo(t, main.origin)
    const used = await connectTo(t, main.origin)
    used.write(`GET /livez HTTP/1.1\r\nHost: localhost:${env.PORT}\r\n\r\n`)
    await once(used, 'data')
    const closed = Promise.all([once(spare, 'close'), once(used, 'close')])
    spare.resume()
    used.resume()
    assert.equal(await main.stop(), 0)
    await closed
  },
)

test('main › SHUTDOWN_SECONDS with an API that hangs › the process ends all the same, exit 0', async (t) => {
  const { upstream, env } = await startParts(t, 'process')
  const main = await startMain(t, { ...env, SHUTDOWN_SECONDS: '1' })
  const user = browser(main.origin)
  await user.navigate('/login')
  upstream.answerWith(() => undefined)
  const hanging = assert.rejects(keptGet(t, `${main.origin}/api/hangs`, user.cookieHeader()))
  await until(() => upstream.seen.length === 1)
  assert.equal(await main.stop(), 0)
  await hanging
})
