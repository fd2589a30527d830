import type { ChildProcess } from 'node:child_process'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Whether this machine has a redis-server to start. */
export const redisAvailable = (): boolean => spawnSync('redis-server', ['--version']).status === 0

/** Test options of the Redis lane: skipped in plain words without redis-server, unless LATCHKEY_ALL_LANES=1. */
export const redisLane = (): { readonly skip: string | false } => {
  const isDemanded = process.env['LATCHKEY_ALL_LANES'] === '1'
  return { skip: redisAvailable() || isDemanded ? false : 'install redis-server to run this lane' }
}

/** What ends a test: a TestContext, or `after` of node:test for a whole file. */
export type Cleanup = { readonly after: (end: () => Promise<void>) => void }

export type RedisServer = {
  readonly port: number
  readonly url: string
  /** SIGKILL: connections reset, nothing saved. */
  readonly kill: () => Promise<void>
  /** Up again on the same port, empty. */
  readonly start: () => Promise<void>
  /** SIGSTOP: connections stay open and nothing answers. */
  readonly freeze: () => void
  readonly thaw: () => void
}

/** A redis-server of one's own on a free loopback port, gone with the test. */
export const startRedis = async (
  t: Cleanup,
  args: readonly string[] = ['--save', '', '--appendonly', 'no'],
  first: readonly string[] = [],
): Promise<RedisServer> => {
  const dir = await mkdtemp(join(tmpdir(), 'latchkey-redis-'))
  const port = await freePort()
  let child: ChildProcess | undefined
  const start = async () => {
    child = launch(port, [...first, '--dir', dir, ...args])
    await untilItAnswers(child, port)
  }
  const kill = async () => {
    if (child?.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  t.after(async () => {
    await kill()
    await rm(dir, { recursive: true, force: true })
  })
  await start()
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    kill,
    start,
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
  }
}

/** A Sentinel that watches one master. */
export const startSentinel = async (
  t: Cleanup,
  name: string,
  masterPort: number,
): Promise<RedisServer> => {
  const dir = await mkdtemp(join(tmpdir(), 'latchkey-sentinel-'))
  const file = join(dir, 'sentinel.conf')
  await writeFile(file, `sentinel monitor ${name} 127.0.0.1 ${masterPort} 1\n`)
  return startRedis(t, [], [file, '--sentinel'])
}

const launch = (port: number, args: readonly string[]): ChildProcess => {
  const all = [...args, '--port', String(port), '--bind', '127.0.0.1']
  const child = spawn('redis-server', all, { stdio: 'ignore' })
  // Without a listener a missing redis-server would end the process and not the test.
  child.on('error', () => undefined)
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.removeListener('exit', kill))
  return child
}

const untilItAnswers = async (child: ChildProcess, port: number): Promise<void> => {
  for (let attempt = 0; attempt < 250; attempt += 1) {
    if (child.pid === undefined) throw new Error('install redis-server to run this lane')
    if (child.exitCode !== null) throw new Error(`redis-server ended with ${child.exitCode}`)
    if (await answersPing(port)) return
    await sleep(20)
  }
  throw new Error(`redis-server does not answer on port ${port}`)
}

const answersPing = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
    const settle = (answered: boolean) => {
      socket.destroy()
      resolve(answered)
    }
    socket.once('data', (data) => settle(/^(\+PONG|-NOAUTH)/.test(data.toString())))
    socket.once('error', () => settle(false))
    socket.setTimeout(500, () => settle(false))
  })

/** Below the ports that the kernel gives to outgoing connections: nobody takes one while its server is restarted. */
const ports = { first: 18_000, count: 14_000 }

/** A TCP port on loopback that was free a moment ago. */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = ports.first + Math.floor(Math.random() * ports.count)
    if (await isFree(port)) return port
  }
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
