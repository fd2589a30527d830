import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { createBroker } from '../../server/create-broker.ts'
import { browser } from '../support/browser.ts'
import { startScriptedIssuer } from '../support/scripted-issuer.ts'
import { startUpstream } from '../support/upstream.ts'
import { listen, testConfig } from '../support/world.ts'
import { gate, until } from '../process/parts.ts'

/** A node:http server with nothing but `broker.handler`. */
const startBare = async (t: TestContext) => {
  const issuer = await startScriptedIssuer()
  const upstream = await startUpstream()
  const server = createServer()
  const origin = `http://localhost:${await listen(server)}`
  const broker = createBroker(testConfig(origin, issuer.issuer, upstream))
  server.on('request', broker.handler)
  t.after(() => {
    server.closeAllConnections()
    server.close()
    issuer.close()
    upstream.close()
  })
  return { origin, issuer, upstream, broker, user: browser(origin) }
}

test('embedded › in a bare http server › login, call, files of the app; close() ends it once', async (t) => {
  const { broker, user } = await startBare(t)
  const landed = await user.navigate('/login?return_to=/deep/link')
  assert.equal(landed.status, 200)
  assert.match(landed.text, /<!doctype html>/i)
  assert.equal((await user.call('/api/things')).status, 200)
  await broker.close()
  await broker.close()
})

test('embedded › an upload with Expect: 100-continue and no listener for it › arrives', async (t) => {
  const { broker, upstream, user } = await startBare(t)
  t.after(() => broker.close())
  await user.navigate('/login')
  const headers = { ...(await user.csrf()), expect: '100-continue' }
  const sent = await user.call('/api/things', { method: 'POST', headers, body: 'x'.repeat(100) })
  assert.equal(sent.status, 200)
  assert.equal(upstream.last().body.length, 100)
})

test('embedded › close() while a refresh is under way › waits until its token is saved', async (t) => {
  const { broker, issuer, user } = await startBare(t)
  issuer.script.accessTokenSeconds = 0
  await user.navigate('/login')
  issuer.script.accessTokenSeconds = 300
  const { open, opened } = gate()
  issuer.script.interceptToken = () => opened.then(() => false)
  const call = user.call('/api/things')
  await until(() => issuer.grants('refresh_token') === 1)
  let closed = false
  const closing = broker.close().then(() => {
    closed = true
  })
  assert.equal((await user.call('/readyz')).status, 503)
  assert.equal(closed, false)
  open()
  await closing
  await call.catch(() => undefined)
  assert.equal(issuer.grants('refresh_token'), 1)
})
