import assert from 'node:assert/strict'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { browser } from '../support/browser.ts'
import { redisLane } from '../support/redis-server.ts'
import { startParts, until } from './parts.ts'
import { startReloading, statusOf, takenUp } from './reloading.ts'

test(
  'CONFIG_FILE › SIGHUP again and again under calls › all are answered, and the new routes are there',
  { timeout: 60_000 },
  async (t) => {
    const { main, user, file, text } = await startReloading(t)
    const state = { over: false }
    const statuses = new Set<number>()
    const calls = Array.from({ length: 4 }, async () => {
      while (!state.over) statuses.add(await statusOf(user, '/api/orders'))
    })
    for (let i = 1; i <= 5; i += 1) {
      await writeFile(file, text('/api', `/more/number${i}`))
      main.signal('SIGHUP')
      await until(async () => (await statusOf(user, `/more/number${i}`)) === 200)
    }
    state.over = true
    await Promise.all(calls)
    assert.deepEqual([...statuses], [200])
    assert.equal(await statusOf(user, '/more/number1'), 404)
  },
)

test(
  'CONFIG_FILE › replaced by another file, no signal › taken up',
  { timeout: 60_000 },
  async (t) => {
    const { main, user, file, text, dir } = await startReloading(t)
    await writeFile(join(dir, 'next'), text('/api', '/more'))
    await rename(join(dir, 'next'), file)
    await until(async () => (await statusOf(user, '/more')) === 200)
    assert.ok(takenUp(main).every(({ why }) => why === 'a change of CONFIG_FILE'))
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
      const { main, user, file, text } = await startReloading(t)
      await writeFile(file, bad)
      main.signal('SIGHUP')
      await until(() => words.test(main.complaints()))
      assert.doesNotMatch(main.complaints(), /\n {4}at /)
      assert.equal(await statusOf(user, '/api/orders'), 200)
      await writeFile(file, text('/api', '/more'))
      main.signal('SIGHUP')
      await until(async () => (await statusOf(user, '/more')) === 200)
    },
  )

test(
  'CONFIG_FILE › ${file:…} in it has changed, and SIGHUP › read again',
  { timeout: 60_000 },
  async (t) => {
    const { main, user, file, text, dir } = await startReloading(t)
    const address = join(dir, 'address')
    const { upstream } = await startParts(t, 'process')
    await writeFile(address, upstream.origin)
    await writeFile(file, `${text('/api')}  - { path: /other, upstream: "\${file:${address}}" }\n`)
    main.signal('SIGHUP')
    await until(async () => (await statusOf(user, '/other/one')) === 200)
    const second = await startParts(t, 'process')
    await writeFile(address, second.upstream.origin)
    main.signal('SIGHUP')
    await until(async () => {
      await statusOf(user, '/other/two')
      return second.upstream.seen.some(({ url }) => url === '/other/two')
    })
  },
)

test(
  'CONFIG_FILE › SIGHUP to the first process of several › every worker takes it up',
  { ...redisLane(), timeout: 60_000 },
  async (t) => {
    const { main, user, file, text } = await startReloading(t, undefined, {
      store: 'redis',
      env: { WEB_CONCURRENCY: '2' },
    })
    await writeFile(file, text('/api', '/more'))
    main.signal('SIGHUP')
    await until(() => new Set(takenUp(main).map(({ worker }) => worker)).size === 2)
    for (let i = 0; i < 20; i += 1) assert.equal(await statusOf(user, '/more'), 200)
    await sleep(50)
    assert.equal(main.complaints(), '')
  },
)

test(
  'CONFIG_FILE › 50 SIGHUPs at once, a login under way › it goes on, and the file is in force',
  { timeout: 60_000 },
  async (t) => {
    const { main, user, file, text } = await startReloading(t)
    const another = browser(main.origin)
    const asked = await another.visit('/login')
    await writeFile(file, text('/api', '/more'))
    for (let i = 0; i < 50; i += 1) main.signal('SIGHUP')
    await another.navigate(asked.headers.location ?? '', 'cross-site')
    assert.equal(await statusOf(another, '/api/orders'), 200)
    await until(async () => (await statusOf(user, '/more')) === 200)
    assert.equal(main.complaints(), '')
  },
)
