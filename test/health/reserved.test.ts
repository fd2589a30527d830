import assert from 'node:assert/strict'
import { test } from 'node:test'
import { route, startWorld } from '../support/world.ts'

const reserved = [
  '/metrics',
  '/admin',
  '/admin/',
  '/admin/sessions/x',
  '/forward-auth',
  '/openapi.json',
  '/.well-known/jwks.json',
  '/frontchannel-logout',
  '/session/all',
  '/session/all/some-handle',
]

for (const path of reserved)
  test(`reserved address › ${path} › 404 of the broker for every method, and no route has it`, async (t) => {
    const world = await startWorld(t, {
      config: (config) => {
        const [api] = config.routes
        const upstream = api?.upstreams[0] ?? ''
        const parent = path.split('/').slice(0, 2).join('/')
        return { ...config, routes: [route('/', upstream), route(parent, upstream)] }
      },
    })
    const user = await world.loggedIn()
    const headers = await user.csrf()
    const seen = world.upstream.seen.length
    for (const method of ['GET', 'HEAD', 'POST', 'DELETE']) {
      const answer = await user.call(path, { method, headers })
      assert.equal(answer.status, 404, method)
      assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/)
      if (method !== 'HEAD') assert.equal(answer.json()['code'], 'no_route')
    }
    const page = await user.visit(path)
    assert.deepEqual([page.status, page.headers['cache-control']], [404, 'no-store'])
    assert.doesNotMatch(page.text, /app\.js/)
    assert.equal(world.upstream.seen.length, seen)
  })

for (const path of ['/administrator', '/metrics/x', '/session-all', '/admin-api', '/.well-known/x'])
  test(`reserved address › ${path}, which only looks like one › is the app's`, async (t) => {
    const { newBrowser } = await startWorld(t)
    assert.match((await newBrowser().visit(path)).text, /app\.js/)
  })
