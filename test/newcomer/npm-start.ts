import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import { startChromium } from '../support/chromium.ts'

/** A clone as somebody gets it, in a home of its own, with nothing set but where programs are. */
const cleanClone = (t: TestContext) => {
  const home = mkdtempSync(join(tmpdir(), 'latchkey-newcomer-'))
  t.after(() => rmSync(home, { recursive: true, force: true }))
  const folder = join(home, 'latchkey')
  execFileSync('git', ['clone', '--quiet', '--no-hardlinks', '.', folder])
  // The machine's own Node, as a newcomer has it: not the one that npm scripts bring along.
  const path = (process.env['PATH'] ?? '').split(':').filter((dir) => !dir.includes('node_modules'))
  return { folder, env: { PATH: path.join(':'), HOME: home } }
}

test('newcomer › clean clone, npm ci && npm start › prints the address, the users and a warning; alice logs in; Ctrl-C ends it', async (t) => {
  const { folder, env } = cleanClone(t)
  execFileSync('npm', ['ci', '--no-fund', '--no-audit'], { cwd: folder, env, stdio: 'ignore' })
  const child = spawn('npm', ['start'], { cwd: folder, env, detached: true })
  const exited = once(child, 'exit')
  t.after(() => {
    const isRunning = child.exitCode === null && child.signalCode === null
    if (isRunning && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  })
  const lines: string[] = []
  for await (const line of createInterface(child.stdout)) {
    // npm says first which script it runs.
    if (line !== '' && !line.startsWith('>')) lines.push(line)
    if (/for development only/.test(line)) break
  }
  const [origin = '', ...users] = lines
  assert.match(origin, /^http:\/\/localhost:\d+$/)
  assert.deepEqual(
    users.slice(0, 3).map((line) => line.split(' / ')[0]),
    ['alice', 'bob', 'root'],
  )
  const [user = '', password = ''] = (users[0] ?? '').split(' / ')

  const context = await startChromium(t)
  const page = context.pages()[0] ?? (await context.newPage())
  await page.goto(origin)
  await page.click('#login')
  await page.fill('input[name="username"]', user)
  await page.fill('input[type="password"]', password)
  await page.click('button[type="submit"]')
  await page.waitForURL(`${origin}/**`)
  await page.locator('#who', { hasText: 'Alice' }).waitFor()

  // A terminal's Ctrl-C reaches the whole group: npm and what it runs.
  if (child.pid !== undefined) process.kill(-child.pid, 'SIGINT')
  await exited
  await assert.rejects(fetch(origin))
})
