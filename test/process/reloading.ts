import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Browser } from '../support/browser.ts'
import { browser } from '../support/browser.ts'
import type { Started } from '../support/npm-start.ts'
import { startMain } from '../support/npm-start.ts'
import { startParts } from './parts.ts'

type Line = { readonly msg?: string; readonly why?: string; readonly worker?: number }

/** Lines of the log about files that were taken up. */
export const takenUp = ({ lines }: Started): readonly Line[] =>
  lines
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line)
    .filter(({ msg }) => msg === 'new settings are in force')

export const statusOf = async (user: Browser, path: string): Promise<number> =>
  (await user.call(path)).status

/** A broker with its routes in a file, and a person who is logged in. */
export const startReloading = async (
  t: TestContext,
  put: (dir: string, text: string) => Promise<void> = (dir, text) =>
    writeFile(join(dir, 'latchkey.yaml'), text),
  {
    store = 'process',
    env = {},
  }: { store?: 'redis' | 'process'; env?: Record<string, string> } = {},
) => {
  const { upstream, env: settings } = await startParts(t, store)
  const dir = await mkdtemp(join(tmpdir(), 'latchkey-reload-'))
  t.after(() => rm(dir, { recursive: true, force: true }))
  const file = join(dir, 'latchkey.yaml')
  const text = (...paths: string[]) =>
    `routes:\n${paths.map((path) => `  - { path: ${path}, upstream: "${upstream.origin}" }\n`).join('')}`
  await put(dir, text('/api'))
  const main = await startMain(t, { ...settings, UPSTREAM: '', CONFIG_FILE: file, LOG_LEVEL: 'info', ...env }) // prettier-ignore
  const user = browser(main.origin)
  await user.navigate('/login')
  return { main, user, file, text, dir }
}
