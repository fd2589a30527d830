import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { createInterface } from 'node:readline'
import type { Cleanup } from './redis-server.ts'

export type Started = {
  readonly origin: string
  readonly pid: number
  readonly lines: readonly string[]
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | null>
  /** Sends a signal and waits for nothing. */
  readonly signal: (signal: NodeJS.Signals) => void
  /** The exit code, once the process has ended; null when a signal ended it. */
  readonly exited: Promise<number | null>
  /** What it wrote to stderr so far. */
  readonly complaints: () => string
}

type Env = Readonly<Record<string, string>>

export type MainOptions = {
  readonly cwd?: string
  /** Arguments of Node itself. */
  readonly nodeArgs?: readonly string[]
}

const main = new URL('../../server/main.ts', import.meta.url).pathname

const launch = (t: Cleanup, env: Env, { cwd, nodeArgs = [] }: MainOptions) => {
  const child = spawn(process.execPath, [...nodeArgs, main], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(cwd !== undefined && { cwd }),
  })
  const exited = once(child, 'exit').then(([code]: unknown[]) =>
    typeof code === 'number' ? code : null,
  )
  let complaints = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaints += chunk.toString('utf8')
  })
  t.after(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await exited
  })
  return { child, exited, complaints: () => complaints }
}

/** Runs `node server/main.ts` in a bare environment and waits for its first line, the app's address. */
export const startMain = async (
  t: Cleanup,
  env: Env,
  options: MainOptions = {},
): Promise<Started> => {
  const { child, exited, complaints } = launch(t, env, options)
  const lines: string[] = []
  const output = createInterface(child.stdout)
  output.on('line', (line) => lines.push(line))
  const signal = (name: NodeJS.Signals) => void child.kill(name)
  const stop = (name: NodeJS.Signals = 'SIGTERM') => {
    signal(name)
    return exited
  }
  await Promise.race([once(output, 'line'), exited])
  if (lines[0] === undefined) throw new Error(`the broker did not start:\n${complaints()}`)
  return { origin: lines[0], pid: child.pid ?? 0, lines, stop, signal, exited, complaints }
}

/** Runs `node server/main.ts` with settings that it is to refuse, to its end. */
export const runMain = async (t: Cleanup, env: Env, options: MainOptions = {}) => {
  const { child, exited, complaints } = launch(t, env, options)
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString('utf8')
  })
  const closed = once(child, 'close')
  const code = await exited
  await closed
  return { code, stdout: output, stderr: complaints() }
}
