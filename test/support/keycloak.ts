import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fetchKeycloak, javaOptions, keycloakHome, keycloakMissing } from './keycloak-home.ts'
import type { Cleanup } from './redis-server.ts'
import { freePort } from './redis-server.ts'

/** Test options of the Keycloak lane: skipped in plain words where it is not installed, unless LATCHKEY_ALL_LANES=1. */
export const keycloakLane = (): { readonly skip: string | false } => {
  const missing = keycloakMissing()
  if (missing === undefined || process.env['LATCHKEY_ALL_LANES'] === '1') return { skip: false }
  return { skip: `skipped: ${missing}` }
}

export const admin = { username: 'admin', password: 'admin' } as const

export type RealmImport = {
  readonly file: string
  /** What stands in the file as `${NAME}`. */
  readonly values: Readonly<Record<string, string>>
}

/** A Keycloak of one's own on a free loopback port, nothing kept on disk, with one realm imported from a file. */
export const startKeycloak = async (t: Cleanup, realm: RealmImport) => {
  const missing = await fetchKeycloak()
  if (missing !== undefined) throw new Error(missing)
  await mkdir(join(keycloakHome, 'data/import'), { recursive: true })
  await copyFile(realm.file, join(keycloakHome, 'data/import/realm.json'))
  const origin = `http://127.0.0.1:${await freePort()}`
  const server = launch(origin, realm.values)
  t.after(server.stop)
  await untilItAnswers(origin, server)
  return { origin }
}

export type Keycloak = Awaited<ReturnType<typeof startKeycloak>>

const launch = (origin: string, values: RealmImport['values']) => {
  const { hostname, port } = new URL(origin)
  const where = [`--http-host=${hostname}`, `--http-port=${port}`, `--hostname=${origin}`]
  const args = ['start', '--optimized', '--import-realm', '--http-enabled=true', ...where]
  // A group of its own: the script starts Java, and does not pass a SIGKILL on.
  const child = spawn('sh', [join(keycloakHome, 'bin/kc.sh'), ...args, '--log-level=warn'], {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      ...values,
      JAVA_OPTS: javaOptions,
      KC_BOOTSTRAP_ADMIN_USERNAME: admin.username,
      KC_BOOTSTRAP_ADMIN_PASSWORD: admin.password,
    },
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      output = (output + chunk.toString('utf8')).slice(-20_000)
    })
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  const kill = () => {
    if (child.pid !== undefined && !hasEnded()) process.kill(-child.pid, 'SIGKILL')
  }
  process.once('exit', kill)
  const stop = async () => {
    process.removeListener('exit', kill)
    if (hasEnded()) return
    const gone = once(child, 'exit')
    kill()
    await gone
  }
  return { hasEnded, output: () => output, stop }
}

const patienceMs = 150_000

const untilItAnswers = async (origin: string, server: ReturnType<typeof launch>): Promise<void> => {
  const untilMs = Date.now() + patienceMs
  while (Date.now() < untilMs) {
    if (server.hasEnded()) throw new Error(`Keycloak ended while it started:\n${server.output()}`)
    if (await answers(`${origin}/realms/master`)) return
    await sleep(250)
  }
  throw new Error(`Keycloak does not answer after ${patienceMs} ms:\n${server.output()}`)
}

const answers = (url: string): Promise<boolean> =>
  fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
    ({ ok }) => ok,
    () => false,
  )
