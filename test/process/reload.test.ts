import assert from 'node:assert/strict'
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser } from '../support/browser.ts'
import { browser } from '../support/browser.ts'
import type { Started } from '../support/npm-start.ts'
import { startMain } from '../support/npm-start.ts'
import { redisLane } from '../support/redis-server.ts'
import { startParts, until } from './parts.ts'

type Line = { readonly msg?: string; readonly why?: string; readonly worker?: number }

const taken = ({ lines }: Started): readonly Line[] =>
  lines
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line)
    .filter(({ msg }) => msg === 'new settings are in force')

/** A broker with its routes in a file, and a person who is logged in. */
const start = async (
  t: TestContext,
  store: 'redis' | 'process',
  env: Record<string, string> = {},
) => {
  // prettier-ignore
  const { upstream, env: settings } = await startParts(t, store)
  const dir = await mkdtemp(join(tmpdir(), 'latchkey-reload-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const file = join(dir, 'latchkey.yaml')
  const text = (...paths: string[]) =>
    `routes:\n${paths.map((path) => `  - { path: ${path}, upstream: "${upstream.origin}" }\n`).join('')}`
  await writeFile(file, text('/api'))
  const main = await startMain(t, { ...settings, UPSTREAM: '', CONFIG_FILE: file, LOG_LEVEL: 'info', ...env }) // prettier-ignore
  const user = browser(main.origin)
  await user.navigate('/login')
  return { main, user, file, text, dir }
}

const status = async (user: Browser, path: string) => (await user.call(path)).status

test(
  'CONFIG_FILE › SIGHUP again and again under calls › all are answered, and the new routes are there',
  { timeout: 60_000 },
  async (t) => {
    const { main, user, file, text } = await start(t, 'process')
    const state = { over: false }
    const statuses = new Set<number>()
    const calls = Array.from({ length: 4 }, async () => {
      while (!state.over) statuses.add(await status(user, '/api/orders'))
    })
    for (let i = 1; i <= 5; i += 1) {
      await writeFile(file, text('/api', `/more/number${i}`))
      main.signal('SIGHUP')
      await until(async () => (await status(user, `/more/number${i}`)) === 200)
    }
    state.over = true
    await Promise.all(calls)
    assert.deepEqual([...statuses], [200])
    assert.equal(await status(user, '/more/number1'), 404)
  },
)

test(
  'CONFIG_FILE › replaced by another file, no signal › taken up',
  { timeout: 60_000 },
  async (t) => {
    const { main, user, file, text, dir } = await start(t, 'process')
    await writeFile(join(dir, 'next'), text('/api', '/more'))
    await rename(join(dir, 'next'), file)
    await until(async () => (await status(user, '/more')) === 200)
    assert.ok(taken(main).every(({ why }) => why === 'a change of CONFIG_FILE'))
  },
)

for (const [fault, bad, words] of [
  ['not YAML', 'routes: [', /CONFIG_FILE is not taken up.*CONFIG_FILE/s],
  ['a misspelt rule', 'routes:\n  - { path: /api, upstream: "http://127.0.0.1:9", requires: {} }\n', /requires/], // prettier-ignore
  ['an unset variable', 'routes:\n  - { path: /api, upstream: "${NOT_SET_ANYWHERE}" }\n', /NOT_SET_ANYWHERE/], // prettier-ignore
  ['nothing at all', '', /CONFIG_FILE/],
] as const)
  test(
    `CONFIG_FILE › ${fault} at a reload › refused by name, the old one goes on, and the next good one is taken`,
    { timeout: 60_000 },
    async (t) => {
      const { main, user, file, text } = await start(t, 'process')
      await writeFile(file, bad)
      main.signal('SIGHUP')
      await until(() => words.test(main.complaints()))
      assert.doesNotMatch(main.complaints(), /\n {4}at /)
      assert.equal(await status(user, '/api/orders'), 200)
      await writeFile(file, text('/api', '/more'))
      main.signal('SIGHUP')
      await until(async () => (await status(user, '/more')) === 200)
    },
  )

test(
  'CONFIG_FILE › ${file:…} in it has changed, and SIGHUP › read again',
  { timeout: 60_000 },
  async (t) => {
    const { main, user, file, text, dir } = await start(t, 'process')
    const address = join(dir, 'address')
    const { upstream } = await startParts(t, 'process')
    await writeFile(address, upstream.origin)
    await writeFile(file, `${text('/api')}  - { path: /other, upstream: "\${file:${address}}" }\n`)
    main.signal('SIGHUP')
    await until(async () => (await status(user, '/other/one')) === 200)
    const second = await startParts(t, 'process')
    await writeFile(address, second.upstream.origin)
    main.signal('SIGHUP')
    await until(async () => {
      await status(user, '/other/two')
      return second.upstream.seen.some(({ url }) => url === '/other/two')
    })
  },
)

test(
  'CONFIG_FILE › SIGHUP to the first process of several › every worker takes it up',
  { ...redisLane(), timeout: 60_000 },
  async (t) => {
    const { main, user, file, text } = await start(t, 'redis', { WEB_CONCURRENCY: '2' })
    await writeFile(file, text('/api', '/more'))
    main.signal('SIGHUP')
    await until(() => new Set(taken(main).map(({ worker }) => worker)).size === 2)
    for (let i = 0; i < 20; i += 1) assert.equal(await status(user, '/more'), 200)
    await sleep(50)
    assert.equal(main.complaints(), '')
  },
)

test(
  'CONFIG_FILE › 50 SIGHUPs at once, a login under way › it goes on, and the file is in force',
  { timeout: 60_000 },
  async (t) => {
    const { main, user, file, text } = await start(t, 'process')
    const another = browser(main.origin)
    const asked = await another.visit('/login')
    await writeFile(file, text('/api', '/more'))
    for (let i = 0; i < 50; i += 1) main.signal('SIGHUP')
    await another.navigate(asked.headers.location ?? '', 'cross-site')
    assert.equal(await status(another, '/api/orders'), 200)
    await until(async () => (await status(user, '/more')) === 200)
    assert.equal(main.complaints(), '')
  },
)
