import type { ChildProcess } from 'node:child_process'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { createInterface } from 'node:readline'
import { browser } from '../test/support/browser.ts'
import type { Round, Target } from './load.ts'
import { loadRound, loadTool } from './load.ts'

const rounds = Number(process.env['BENCH_ROUNDS'] ?? 5)
const secondsPerRound = Number(process.env['BENCH_SECONDS'] ?? 4)
const children: ChildProcess[] = []

/** Starts a host and reads the line that says where it listens. */
const startHost = async (file: string, args: readonly string[]) => {
  const child = spawn(
    process.execPath,
    [new URL(`hosts/${file}`, import.meta.url).pathname, ...args],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  children.push(child)
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
  // Our own host wrote the line.
  const { port } = JSON.parse(line) as { port: number }
  return { origin: `http://localhost:${port}`, pid: child.pid ?? 0 }
}

const startRedis = async (): Promise<string | undefined> => {
  if (spawnSync('redis-server', ['--version']).error !== undefined) return undefined
  const port = 20_000 + (process.pid % 20_000)
  const child = spawn('redis-server', [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--save',
    '',
    '--appendonly',
    'no',
  ])
  children.push(child)
  for await (const line of createInterface(child.stdout))
    if (line.includes('Ready to accept connections')) break
  return `redis://127.0.0.1:${port}`
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

const medianRound = (all: readonly Round[]): Round => ({
  requestsPerSecond: median(all.map((round) => round.requestsPerSecond)),
  cpuSecondsPer10k: median(all.map((round) => round.cpuSecondsPer10k)),
})

/** Rounds of both targets by turns, so that a machine that slows down slows both. */
const interleave = async (targets: Readonly<Record<'bare' | 'broker', Target>>) => {
  const results: Record<'bare' | 'broker', Round[]> = { bare: [], broker: [] }
  for (const target of Object.values(targets)) await loadRound(target, 2)
  for (let i = 0; i < rounds; i += 1)
    for (const name of i % 2 === 0
      ? (['bare', 'broker'] as const)
      : (['broker', 'bare'] as const)) {
      const round = await loadRound(targets[name], secondsPerRound)
      results[name].push(round)
      process.stdout.write(
        `round ${i + 1} ${name.padEnd(6)} ${round.requestsPerSecond.toFixed(0).padStart(6)} requests/s, ${round.cpuSecondsPer10k.toFixed(2)} CPU-s per 10,000\n`,
      )
    }
  return { bare: medianRound(results.bare), broker: medianRound(results.broker) }
}

const report = (bare: Round, broker: Round, store: string): string => `# Benchmarks

An authenticated small GET at 32 connections, one Node process, ${store}, ${rounds} interleaved rounds of ${secondsPerRound} s, load by
${loadTool}, ${cpus().length} cores. Medians. Written by \`npm run bench\`.

| | requests/s | CPU seconds per 10,000 |
|---|---|---|
| bare undici proxy | ${bare.requestsPerSecond.toFixed(0)} | ${bare.cpuSecondsPer10k.toFixed(2)} |
| broker | ${broker.requestsPerSecond.toFixed(0)} | ${broker.cpuSecondsPer10k.toFixed(2)} |
| **ratio** | **${(broker.requestsPerSecond / bare.requestsPerSecond).toFixed(2)}** | **${(broker.cpuSecondsPer10k / bare.cpuSecondsPer10k).toFixed(2)}** |
`

const main = async (): Promise<void> => {
  const load = loadavg()[0] ?? 0
  if (load > cpus().length / 2)
    throw new Error(`the machine is busy (load ${load.toFixed(1)}): figures would mean nothing`)
  const redis = await startRedis()
  const upstream = await startHost('upstream.ts', [])
  const bare = await startHost('plain-proxy.ts', [upstream.origin])
  const broker = await startHost('broker.ts', [
    upstream.origin,
    ...(redis === undefined ? [] : [redis]),
  ])
  const user = browser(broker.origin)
  await user.navigate('/login')
  const headers = { cookie: user.cookieHeader(), 'sec-fetch-site': 'same-origin' }
  const medians = await interleave({
    bare: { url: `${bare.origin}/api/thing`, pid: bare.pid, headers: {} },
    broker: { url: `${broker.origin}/api/thing`, pid: broker.pid, headers },
  })
  const store = redis === undefined ? 'sessions in process' : 'session and vault in Redis'
  const text = report(medians.bare, medians.broker, store)
  writeFileSync('docs/benchmarks.md', text)
  process.stdout.write(`\n${text}`)
}

try {
  await main()
} finally {
  for (const child of children) child.kill('SIGKILL')
}
