import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import type { Cleanup } from '../support/redis-server.ts'

export type BrokerSettings = {
  readonly index: number
  readonly port: number
  readonly env: Readonly<Record<string, string>>
  readonly onLog: (index: number, line: string) => void
}

const main = new URL('../../server/main.ts', import.meta.url).pathname
// A start costs a second of CPU without it, and there are hundreds.
const compileCache = join(tmpdir(), 'latchkey-chaos-compile-cache')

/** One broker as its own process on a fixed port; it can be killed and started again. */
export const startBroker = async (t: Cleanup, settings: BrokerSettings) => {
  const { index, port } = settings
  let child: ChildProcess | undefined
  let downSince = 0

  const start = async (): Promise<void> => {
    const started = launch(settings)
    child = started
    const lines = createInterface(started.stdout)
    const first = once(lines, 'line')
    lines.on('line', (line) => settings.onLog(index, line))
    const failed = once(started, 'exit').then(() => {
      throw new Error(`broker ${index} ended while it started`)
    })
    failed.catch(() => undefined)
    await Promise.race([first, failed])
  }
  /** SIGKILL; resolves when the process is gone. The time is the one of the signal. */
  const kill = async (): Promise<number> => {
    const running = child
    if (running?.exitCode !== null || running.signalCode !== null) return downSince
    const gone = once(running, 'exit')
    downSince = Date.now()
    running.kill('SIGKILL')
    await gone
    return downSince
  }
  t.after(async () => {
    await kill()
  })
  await start()
  return {
    index,
    port,
    origin: `http://127.0.0.1:${port}`,
    start,
    kill,
    /** SIGSTOP: connections stay open, what comes in waits, and clocks go on. */
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
  }
}

export type BrokerProcess = Awaited<ReturnType<typeof startBroker>>

const launch = ({ env, port, index, onLog }: BrokerSettings) => {
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env['PATH'],
      HOME: process.env['HOME'],
      NODE_COMPILE_CACHE: compileCache,
      ...env,
      PORT: String(port),
      HOST: '127.0.0.1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  createInterface(child.stderr).on('line', (line) => onLog(index, line))
  const end = () => void child.kill('SIGKILL')
  process.once('exit', end)
  child.once('exit', () => process.removeListener('exit', end))
  return child
}
