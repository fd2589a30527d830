import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerError } from '../../server/core/errors.ts'
import type { Backend } from '../../server/session/backend.ts'
import { memoryBackend } from '../../server/session/memory-backend.ts'
import { send } from '../support/browser.ts'
import { startWorld, testClock } from '../support/world.ts'

type Ready = {
  readonly status: string
  readonly checks: Readonly<Record<'store' | 'provider' | 'process', { readonly status: string }>>
}

const lostStore = (): Backend => {
  const lost = () => Promise.reject(new BrokerError('store_unavailable', { retryAfterSeconds: 2 }))
  return { ...memoryBackend({ clock: testClock() }), ping: lost, read: lost }
}

const readyz = async (origin: string) => {
  const answer = await send(`${origin}/readyz`)
  const { status, checks } = answer.json() as unknown as Ready
  const { store, provider, process } = checks
  return [answer.status, status, store.status, provider.status, process.status]
}

test('readyz › all is well › 200 with a check for each dependency, as JSON that nobody stores', async (t) => {
  const { origin, loggedIn } = await startWorld(t)
  assert.deepEqual(await readyz(origin), [200, 'ok', 'ok', 'not_asked_yet', 'ok'])
  await loggedIn()
  assert.deepEqual(await readyz(origin), [200, 'ok', 'ok', 'ok', 'ok'])
  const { headers } = await send(`${origin}/readyz`)
  assert.match(headers['content-type'] ?? '', /^application\/json/)
  assert.equal(headers['cache-control'], 'no-store')
  assert.equal(headers['set-cookie'], undefined)
})

test('readyz › the provider is away › 200: reported, and sessions live on', async (t) => {
  const { origin, issuer, newBrowser } = await startWorld(t)
  issuer.close()
  assert.equal((await newBrowser().visit('/login')).status, 503)
  assert.deepEqual(await readyz(origin), [200, 'ok', 'ok', 'unreachable', 'ok'])
})

test('readyz › the store is lost › 503; /livez 200, for a restart would mend nothing', async (t) => {
  const { origin } = await startWorld(t, { backend: lostStore() })
  assert.deepEqual(await readyz(origin), [503, 'not_ready', 'lost', 'not_asked_yet', 'ok'])
  const live = await send(`${origin}/livez`)
  assert.deepEqual([live.status, live.json()], [200, { status: 'ok' }])
})

test('readyz › the broker drains › 503; /livez and the session still answer', async (t) => {
  const { origin, broker, loggedIn } = await startWorld(t)
  const user = await loggedIn()
  broker.drain()
  assert.deepEqual(await readyz(origin), [503, 'not_ready', 'ok', 'ok', 'draining'])
  assert.equal((await send(`${origin}/livez`)).status, 200)
  assert.equal((await user.session())['authenticated'], true)
  assert.equal((await user.call('/api/things')).status, 200)
})

for (const path of ['/livez', '/readyz']) {
  test(`${path} › asked under the machine's own name › answers: a probe knows no other`, async (t) => {
    const { origin } = await startWorld(t)
    for (const host of ['10.0.0.7:8080', 'pod-7.local'])
      assert.equal((await send(`${origin}${path}`, { headers: { host } })).status, 200)
  })

  test(`${path} › HEAD, POST › no body; 405 with what is allowed`, async (t) => {
    const { origin } = await startWorld(t)
    const head = await send(`${origin}${path}`, { method: 'HEAD' })
    assert.deepEqual([head.status, head.text], [200, ''])
    const post = await send(`${origin}${path}`, { method: 'POST' })
    assert.deepEqual([post.status, post.headers.allow], [405, 'GET, HEAD'])
    assert.equal(post.json()['code'], 'method_not_allowed')
  })
}
