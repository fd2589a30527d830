import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:http'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { text } from 'node:stream/consumers'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import type { ReadyConfig } from '../../server/config/ready-config.ts'
import { send } from '../support/browser.ts'
import { startWorld } from '../support/world.ts'

const index = '<!doctype html><title>app of the test</title>'
const files: Readonly<Record<string, string>> = {
  'app/index.html': index,
  'app/plain.js': 'plain()',
  'app/assets/index-BQ3kf9Zx.js': 'hashed()',
  'app/assets/main.0a1b2c3d4e5f.css': 'a{}',
  'app/assets/index.html': 'the index of a folder',
  'app/my-component.js': 'component()',
  'app/photo-1280x720.png': 'png',
  'app/.env': 'SECRET=canary',
  'app/.git/config': 'canary',
  'outside.txt': 'canary outside',
}

const startApp = async (
  t: TestContext,
  change: (config: ReadyConfig) => ReadyConfig = (config) => config,
) => {
  const root = mkdtempSync(join(tmpdir(), 'latchkey-spa-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true })
    writeFileSync(join(root, name), content)
  }
  return await startWorld(t, {
    config: (config) => change({ ...config, spa: { dir: join(root, 'app') } }),
  })
}

/** A GET for a path as it stands, which `new URL` would tidy up. */
const sendPath = async (origin: string, path: string) => {
  const outgoing = request(origin, { path, agent: false }).end()
  const [answer] = (await once(outgoing, 'response')) as [IncomingMessage]
  return { status: answer.statusCode, text: await text(answer) }
}

const asset = {
  headers: { accept: '*/*', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'script' },
}

test('app › navigations to its own routes › the index, asked for again each time', async (t) => {
  const { newBrowser } = await startApp(t)
  for (const path of ['/', '/orders/7', '/john.doe', '/assets', '/deep/er?x=1']) {
    const page = await newBrowser().visit(path)
    assert.deepEqual([page.status, page.text], [200, index], path)
    assert.equal(page.headers['cache-control'], 'no-cache')
    assert.notEqual(page.headers.etag, undefined)
  }
})

test('app › a browser without Fetch Metadata › the index when it accepts HTML, else 404', async (t) => {
  const { origin } = await startApp(t)
  const page = await send(`${origin}/orders`, { headers: { accept: 'text/html' } })
  assert.equal(page.text, index)
  const call = await send(`${origin}/orders`, { headers: { accept: 'application/json' } })
  assert.deepEqual([call.status, call.json()['code']], [404, 'no_route'])
})

test('app › a file that is not there › 404 problem, never the index', async (t) => {
  const { origin } = await startApp(t)
  for (const path of ['/absent.js', '/assets/index-00000000.js', '/absent.json']) {
    const answer = await send(`${origin}${path}`, asset)
    assert.equal(answer.status, 404)
    assert.match(answer.headers['content-type'] ?? '', /^application\/problem\+json/)
    assert.equal(answer.headers['cache-control'], 'no-store')
  }
})

const year = 'public, max-age=31536000, immutable'
for (const [path, cache] of [
  ['/assets/index-BQ3kf9Zx.js', year],
  ['/assets/main.0a1b2c3d4e5f.css', year],
  ['/plain.js', 'no-cache'],
  ['/my-component.js', 'no-cache'],
  ['/photo-1280x720.png', 'no-cache'],
] as const)
  test(`app › ${path} › Cache-Control: ${cache}, revalidated by ETag, no cookie`, async (t) => {
    const { origin, loggedIn } = await startApp(t)
    const user = await loggedIn()
    const file = await user.call(path)
    assert.deepEqual([file.status, file.headers['cache-control']], [200, cache])
    assert.equal(file.headers['set-cookie'], undefined)
    const headers = { 'if-none-match': file.headers.etag ?? '' }
    assert.equal((await send(`${origin}${path}`, { headers })).status, 304)
  })

test('app › dotfiles › are not served, whoever asks', async (t) => {
  const { origin, newBrowser } = await startApp(t)
  for (const path of ['/.env', '/.git/config']) {
    assert.equal((await send(`${origin}${path}`, asset)).status, 404)
    assert.doesNotMatch((await newBrowser().visit(path)).text, /canary/)
  }
})

for (const path of [
  '/../outside.txt',
  '/..%2foutside.txt',
  '/%2e%2e/outside.txt',
  '/assets/..%2f..%2foutside.txt',
  '/assets/..\\..\\outside.txt',
  '/%00outside.txt',
  '//outside.txt',
])
  test(`app, R3 › ${path} › 400, nothing from outside the folder`, async (t) => {
    const { origin } = await startApp(t)
    const raw = await sendPath(origin, path)
    assert.equal(raw.status, 400)
    assert.doesNotMatch(raw.text, /canary/)
  })

test('app › HEAD › the headers of GET and no body', async (t) => {
  const { origin } = await startApp(t)
  const head = await send(`${origin}/plain.js`, { method: 'HEAD' })
  assert.deepEqual([head.status, head.text, head.headers['content-length']], [200, '', '7'])
  const navigation = { method: 'HEAD', headers: { accept: 'text/html' } }
  assert.equal((await send(`${origin}/orders`, navigation)).status, 200)
})

for (const method of ['POST', 'PUT', 'DELETE', 'PATCH'])
  test(`app › ${method} › 404, even for a file and for a navigation`, async (t) => {
    const { origin, newBrowser } = await startApp(t)
    for (const path of ['/', '/plain.js', '/orders'])
      assert.equal((await send(`${origin}${path}`, { method })).status, 404)
    assert.equal((await newBrowser().visit('/orders', 'none', { method })).status, 404)
  })
