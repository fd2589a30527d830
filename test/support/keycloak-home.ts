import { execFile, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const version = '26.7.3'
const artifact = `org.keycloak:keycloak-quarkus-dist:${version}:zip`
const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'latchkey-test')

/** Where Keycloak is unpacked and built, once for all runs. */
export const keycloakHome = join(cache, `keycloak-${version}`)

// Half the time of a start is compiling for a speed that minutes of tests never see.
export const javaOptions = '-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Xms256m -Xmx640m'

const advice =
  'Install Java 17 or later and Maven (default-jre-headless and maven on Debian) to run this lane.'

const run = promisify(execFile)
const isInstalled = (program: string): boolean =>
  spawnSync(program, ['-version'], { stdio: 'ignore' }).error === undefined

const javaMissing = (): string | undefined =>
  isInstalled('java') ? undefined : `Java is not installed. ${advice}`

/** Why there is no Keycloak to start here and now; undefined when there is one. */
export const keycloakMissing = (): string | undefined => {
  const noJava = javaMissing()
  if (noJava !== undefined || existsSync(keycloakHome)) return noJava
  return `Keycloak ${version} is not here. npm run keycloak fetches it once (177 MB, with Maven).`
}

/** Why Keycloak was not to be had; undefined when it is here, fetched now if need be. */
export const fetchKeycloak = async (): Promise<string | undefined> => {
  const noJava = javaMissing()
  if (noJava !== undefined || existsSync(keycloakHome)) return noJava
  if (!isInstalled('mvn')) return `Maven is not installed, and it fetches Keycloak. ${advice}`
  try {
    await inTurn(install)
    return undefined
  } catch (error) {
    return `Keycloak ${version} was not to be had: ${error instanceof Error ? error.message : ''}`
  }
}

/** Unpacked and built beside its place, then moved there at once: half a Keycloak is never found. */
const install = async (): Promise<void> => {
  if (existsSync(keycloakHome)) return
  process.stderr.write(`Fetching Keycloak ${version} for the tests (177 MB, this once) …\n`)
  const place = await mkdtemp(join(cache, 'unpacking-'))
  try {
    await unpack(place).catch(() => unpack(place))
    const unpacked = join(place, `keycloak-${version}`)
    const build = [join(unpacked, 'bin/kc.sh'), 'build', '--db=dev-mem', '--cache=local']
    const env = { ...process.env, JAVA_OPTS: javaOptions }
    await run('sh', build, { env, timeout: 180_000 })
    await rename(unpacked, keycloakHome)
  } finally {
    await rm(place, { recursive: true, force: true })
  }
}

/** Maven leaves a trace of what it has unpacked in the folder it was started in: here that one goes too. */
const unpack = (place: string) =>
  run(
    'mvn',
    ['-q', '-B', 'dependency:unpack', `-Dartifact=${artifact}`, `-DoutputDirectory=${place}`],
    { cwd: place, timeout: 240_000 },
  )

const lock = join(cache, 'lock')
/** Longer than any fetching; older, it was left behind. */
const lockLifeMs = 900_000

/** Test files run side by side; one of them fetches, the others wait for it. */
const inTurn = async (work: () => Promise<void>): Promise<void> => {
  await mkdir(cache, { recursive: true })
  while (!(await takesLock())) await sleep(250)
  try {
    await work()
  } finally {
    await rm(lock, { recursive: true, force: true })
  }
}

const takesLock = async (): Promise<boolean> => {
  const found = await stat(lock).catch(() => undefined)
  if (found !== undefined && Date.now() - found.mtimeMs > lockLifeMs)
    await rm(lock, { recursive: true, force: true })
  return await mkdir(lock).then(
    () => true,
    () => false,
  )
}

if (import.meta.main) {
  const missing = await fetchKeycloak()
  process.stdout.write(`${missing ?? keycloakHome}\n`)
  if (missing !== undefined) process.exitCode = 1
}
