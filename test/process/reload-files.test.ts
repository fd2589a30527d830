import assert from 'node:assert/strict'
import { chmod, mkdir, readFile, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { browser } from '../support/browser.ts'
import { until } from './parts.ts'
import { startReloading, statusOf, takenUp } from './reloading.ts'

const limit = { timeout: 60_000 }

test(
  'CONFIG_FILE › written in two halves, of which the first reads like a whole › only the whole is taken up',
  limit,
  async (t) => {
    const { main, user, file, text } = await startReloading(t)
    await writeFile(file, text('/more'))
    await sleep(700)
    await writeFile(file, text('/more', '/api'))
    const seen = new Set<number>()
    await until(async () => {
      seen.add(await statusOf(user, '/api/orders'))
      return (await statusOf(user, '/more')) === 200
    })
    assert.deepEqual([...seen], [200])
    assert.equal(takenUp(main).length, 1)
  },
)

test(
  'CONFIG_FILE › cut off in the middle of a line, and whole a moment later › the whole is taken up, without complaint',
  limit,
  async (t) => {
    const { main, user, file, text } = await startReloading(t)
    const whole = text('/api', '/more')
    await writeFile(file, whole.slice(0, whole.length - 20))
    await sleep(700)
    await writeFile(file, whole)
    await until(async () => (await statusOf(user, '/more')) === 200)
    assert.equal(main.complaints(), '')
  },
)

test(
  'CONFIG_FILE › a link to a link that is swapped, as a ConfigMap is › taken up, again and again',
  limit,
  async (t) => {
    const { main, user, dir, text } = await startReloading(t, async (folder, whole) => {
      await mkdir(join(folder, '..2026_1'))
      await writeFile(join(folder, '..2026_1', 'latchkey.yaml'), whole)
      await symlink('..2026_1', join(folder, '..data'))
      await symlink(join('..data', 'latchkey.yaml'), join(folder, 'latchkey.yaml'))
    })
    for (const n of [2, 3]) {
      await mkdir(join(dir, `..2026_${n}`))
      await writeFile(join(dir, `..2026_${n}`, 'latchkey.yaml'), text('/api', `/more${n}`))
      await symlink(`..2026_${n}`, join(dir, '..data_tmp'))
      await rename(join(dir, '..data_tmp'), join(dir, '..data'))
      await rm(join(dir, `..2026_${n - 1}`), { recursive: true })
      await until(async () => (await statusOf(user, `/more${n}`)) === 200)
    }
    assert.equal(main.complaints(), '')
  },
)

test(
  'CONFIG_FILE › removed › the old one goes on, by name; back again, it is taken up',
  limit,
  async (t) => {
    const { main, user, file, text } = await startReloading(t)
    await unlink(file)
    await until(() =>
      /CONFIG_FILE names a file that cannot be read \(ENOENT\)/.test(main.complaints()),
    )
    main.signal('SIGHUP')
    assert.equal(await statusOf(user, '/api/orders'), 200)
    await writeFile(file, text('/api', '/more'))
    await until(async () => (await statusOf(user, '/more')) === 200)
    assert.doesNotMatch(main.complaints(), /\n {4}at /)
  },
)

test(
  'CONFIG_FILE › other rights, the same text › nothing changes, and calls go on',
  limit,
  async (t) => {
    const { main, user, file } = await startReloading(t)
    await chmod(file, 0o400)
    await until(() => takenUp(main).length > 0)
    assert.equal(await statusOf(user, '/api/orders'), 200)
    assert.equal(main.complaints(), '')
  },
)

test(
  'CONFIG_FILE › 100 SIGHUPs in a second, the file another each time › one after the other, and the last one stands',
  limit,
  async (t) => {
    const { main, user, file, text, dir } = await startReloading(t)
    for (let i = 1; i <= 100; i += 1) {
      await writeFile(join(dir, 'next'), text('/api', `/number${i}`))
      await rename(join(dir, 'next'), file)
      main.signal('SIGHUP')
      await sleep(10)
      if (i % 10 === 0) assert.equal(await statusOf(user, '/api/orders'), 200)
    }
    await until(async () => (await statusOf(user, '/number100')) === 200)
    assert.equal(await statusOf(user, '/number99'), 404)
    assert.ok(takenUp(main).length <= 102)
    assert.equal(main.complaints(), '')
  },
)

test(
  'CONFIG_FILE › a long file with mistakes of several kinds › refused with all of them while calls go on',
  limit,
  async (t) => {
    const { main, user, file, text } = await startReloading(t)
    const tenants = Array.from({ length: 1_000 }, (_, i) => `  - { id: t${i}, hosts: [t${i}.localhost], issuer: "https://id.example", client: { id: c${i}, secret: ${i === 7 ? '[]' : 's'} } }`) // prettier-ignore
    await writeFile(
      file,
      `tenants:\n${tenants.join('\n')}\n${await readFile(file, 'utf8')}  - { path: /x, upstream: "http://127.0.0.1:9", tenants: [ghost] }\n`,
    )
    main.signal('SIGHUP')
    await until(() =>
      /tenants\[7\]\.client\.secret.*routes\[1\]\.tenants\[0\]/s.test(main.complaints()),
    )
    assert.equal(await statusOf(user, '/api/orders'), 200)
    await writeFile(
      file,
      `tenants:\n${tenants.toSpliced(7, 1).join('\n')}\n${text('/api', '/more')}`,
    )
    main.signal('SIGHUP')
    await until(async () => (await statusOf(user, '/more')) === 200)
    const other = browser(`http://t8.localhost:${new URL(main.origin).port}`)
    assert.equal((await other.call('/session')).status, 200)
  },
)
