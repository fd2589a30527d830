import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { promisify } from 'node:util'

/** What services run on that the broker itself does not. */
export const olderNodes = ['20.20.2', '22.23.3'] as const

const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'latchkey-test')
const homeOf = (version: string) => join(cache, `node-${version}`)

/** The program of a version of Node, where it was fetched. */
export const nodeProgram = (version: string): string =>
  join(homeOf(version), 'node_modules/node/bin/node')

/** Why a version of Node cannot be run here, for node:test's `skip`; with every lane on, a missing one fails its lane. */
export const nodeSkip = (version: string): string | false =>
  existsSync(nodeProgram(version)) || process.env['LATCHKEY_ALL_LANES'] === '1'
    ? false
    : `skipped: Node ${version} is not here. npm run nodes fetches it once (by npm).`

/** Installed beside its place, then moved there at once: half a Node is never found. */
const fetchNode = async (version: string): Promise<void> => {
  if (existsSync(nodeProgram(version))) return
  await mkdir(cache, { recursive: true })
  const place = await mkdtemp(join(cache, 'fetching-'))
  try {
    const args = ['install', '--prefix', place, '--no-save', '--no-package-lock', `node@${version}`]
    await promisify(execFile)('npm', args, { timeout: 300_000 })
    await rename(place, homeOf(version))
  } finally {
    await rm(place, { recursive: true, force: true })
  }
}

if (import.meta.main)
  for (const version of olderNodes) {
    await fetchNode(version)
    process.stdout.write(`${nodeProgram(version)}\n`)
  }
