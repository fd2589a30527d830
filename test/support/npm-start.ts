import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'

export type Started = {
  readonly origin: string
  readonly lines: readonly string[]
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | null>
}

/** Runs `node server/main.ts` in a bare environment and waits for its first line, the app's address. */
export const startMain = async (
  t: TestContext,
  env: Readonly<Record<string, string>>,
): Promise<Started> => {
  const child = spawn(process.execPath, ['server/main.ts'], {
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const exited = once(child, 'exit').then(([code]: unknown[]) =>
    typeof code === 'number' ? code : null,
  )
  const lines: string[] = []
  let complaints = ''
  child.stderr.on('data', (chunk: Buffer) => {
    complaints += chunk.toString('utf8')
  })
  const output = createInterface(child.stdout)
  output.on('line', (line) => lines.push(line))
  const stop = (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal)
    return exited
  }
  t.after(async () => {
    if (child.exitCode === null) await stop('SIGKILL')
  })
  await Promise.race([once(output, 'line'), exited])
  if (lines[0] === undefined) throw new Error(`the broker did not start:\n${complaints}`)
  return { origin: lines[0], lines, stop }
}
