import type { ChildProcess, StdioOptions } from 'node:child_process'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { createInterface } from 'node:readline'

/** Everything this run has started and not yet ended. */
const running = new Set<ChildProcess>()
process.once('exit', () => running.forEach((child) => child.kill('SIGKILL')))
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))

export type Child = {
  readonly pid: number
  /** The last lines it wrote to standard error, for whoever must say why it failed. */
  readonly complaints: () => string
  /** Its first line of output that fits; rejects when it ends before. */
  readonly line: (fits: RegExp) => Promise<string>
  readonly hasEnded: () => boolean
  /** Ends it by SIGTERM, after 5 s by SIGKILL; resolves when it is gone. */
  readonly end: () => Promise<void>
}

export type ChildOptions = {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** Starts a program that ends with this run at the latest. */
export const startChild = (
  command: string,
  args: readonly string[],
  { env, cwd }: ChildOptions = {},
): Child => {
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe']
  const child = spawn(command, args, { stdio, ...(env && { env }), ...(cwd && { cwd }) })
  running.add(child)
  const gone = new Promise<void>((resolve) => {
    child.once('close', resolve)
    child.once('error', resolve)
  }).then(() => void running.delete(child))
  const complaints = lastLines(child.stderr)
  return {
    pid: child.pid ?? 0,
    complaints,
    hasEnded: () => !running.has(child),
    line: async (fits) => {
      const found = firstLine(child, fits)
      const early = gone.then(() => Promise.reject(new Error(`${command} ended:\n${complaints()}`)))
      return await Promise.race([found, early])
    },
    end: async () => {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), 5_000)
      await gone
      clearTimeout(timer)
    },
  }
}

const firstLine = async (child: ChildProcess, fits: RegExp): Promise<string> => {
  const { stdout } = child
  if (stdout === null) throw new Error('this child has no output')
  const lines = createInterface(stdout)
  for (;;) {
    const [line] = (await once(lines, 'line')) as [string]
    if (!fits.test(line)) continue
    // What it writes later must not fill the pipe.
    lines.removeAllListeners('line').on('line', () => undefined)
    return line
  }
}

const lastLines = (stream: NodeJS.ReadableStream | null): (() => string) => {
  const kept: string[] = []
  if (stream !== null)
    createInterface(stream).on('line', (line) => {
      kept.push(line)
      if (kept.length > 20) kept.shift()
    })
  return () => kept.join('\n')
}

const hostFile = (name: string) => new URL(`../hosts/${name}`, import.meta.url).pathname

/** Starts one of `bench/hosts/` and reads the line that says where it listens. */
export const startHost = async (
  file: string,
  args: readonly string[] = [],
  nodeFlags: readonly string[] = [],
) => {
  const child = startChild(process.execPath, [...nodeFlags, hostFile(file), ...args])
  // Our own host wrote the line.
  const { origin } = JSON.parse(await child.line(/^\{/)) as { origin: string }
  return { ...child, origin }
}

export type Host = Awaited<ReturnType<typeof startHost>>
