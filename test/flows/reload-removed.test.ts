import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { BrokerError } from '../../server/core/errors.ts'
import { memoryBackend } from '../../server/session/memory-backend.ts'
import { capturedLog } from '../support/captured-log.ts'
import { statusOf, withTenants } from '../support/reload.ts'
import { startTenants } from '../support/tenants.ts'
import { testClock } from '../support/world.ts'

test('reload › two tenants are removed, and the store fails at the first › the second one’s sessions end, and the log tells', async (t) => {
  const { log, text } = capturedLog()
  const store = memoryBackend({ clock: testClock() })
  const failing = { next: false }
  const listed: typeof store.listed = async (list) => {
    if (!failing.next) return await store.listed(list)
    failing.next = false
    throw new BrokerError('store_unavailable')
  }
  const world = await startTenants(t, { backend: { ...store, listed }, log })
  const { broker, address } = world
  const user = await world.loggedIn('gamma')
  failing.next = true
  await broker.reload(withTenants(world, ['beta']))
  await broker.reload(withTenants(world, ['acme', 'beta', 'gamma']))
  assert.equal((await user.call(address('gamma', '/api/orders'))).json()['code'], 'session_revoked')
  assert.match(text(), /"tenant":"acme".*"sessions of a removed tenant not ended"/)
})

test(
  'reload › a tenant is removed while the store fails › its sessions open nothing if it comes back, and the store is told when it can be',
  { timeout: 30_000 },
  async (t) => {
    const { log, text } = capturedLog()
    const store = memoryBackend({ clock: testClock() })
    const failing = { now: false }
    const fails =
      <A extends readonly unknown[], R>(act: (...given: A) => Promise<R>) =>
      (...given: A): Promise<R> =>
        failing.now ? Promise.reject(new BrokerError('store_unavailable')) : act(...given)
    const backend = { ...store, listed: fails(store.listed), raiseMark: fails(store.raiseMark) }
    const world = await startTenants(t, { backend, log })
    const { broker, address } = world
    const gone = await world.loggedIn('acme')
    const other = await world.loggedIn('beta')
    failing.now = true
    await broker.reload(withTenants(world, ['beta', 'gamma']))
    assert.equal(await statusOf(world, 'acme', gone), 421)
    await broker.reload(withTenants(world, ['acme', 'beta', 'gamma']))
    const back = await gone.call(address('acme', '/api/orders'))
    assert.deepEqual([back.status, back.json()['code']], [401, 'session_revoked'])
    const page = (await gone.call(address('acme', '/session'))).json()
    assert.equal(page['authenticated'], false)
    assert.equal(await statusOf(world, 'beta', other), 200)
    world.clock.advance(1_100)
    const fresh = await world.loggedIn('acme')
    assert.equal(await statusOf(world, 'acme', fresh), 200)
    failing.now = false
    while (!text().includes('"sessions of a removed tenant ended"')) await sleep(50)
    assert.match(text(), /"tenant":"acme","sessions":1,"msg":"sessions of a removed tenant ended"/)
    assert.equal(await statusOf(world, 'acme', gone), 401)
    assert.equal(await statusOf(world, 'acme', fresh), 200)
  },
)

test('reload › the store fails at the end of a removed tenant’s sessions, and the broker closes › it is tried no longer', async (t) => {
  const { log, text } = capturedLog()
  const store = memoryBackend({ clock: testClock() })
  const listed: typeof store.listed = () => Promise.reject(new BrokerError('store_unavailable'))
  const world = await startTenants(t, { backend: { ...store, listed }, log })
  await world.broker.reload(withTenants(world, ['acme']))
  await world.broker.close()
  const tries = () => text().split('"sessions of a removed tenant not ended"').length
  const before = tries()
  await sleep(1_500)
  assert.equal(tries(), before)
})
