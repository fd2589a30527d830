import { execFile, spawnSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import autocannon from 'autocannon'
import { treeCpuSeconds } from './cpu.ts'

const run = promisify(execFile)

/** Something under load. */
export type Target = {
  readonly name: string
  readonly url: string
  /** Undefined for a peer that somebody else started: then its CPU is not measured. */
  readonly pid: number | undefined
  readonly headers: Readonly<Record<string, string>>
  /** Sent in turn, one a call; without them the cookie in `headers` goes with every call. */
  readonly cookies?: readonly string[]
}

export type Round = {
  readonly requestsPerSecond: number
  /** CPU seconds of the measured process and its workers per 10,000 requests; NaN when it is not known. */
  readonly cpuSecondsPer10k: number
}

export const connections = 32
const hasWrk = spawnSync('wrk', ['--version']).error === undefined

/** Which tool makes the load. */
export const loadTool = hasWrk ? 'wrk' : 'autocannon'

/** One round of load on one target, as fast as it answers, with what it cost the process under test. */
export const loadRound = async (target: Target, seconds: number): Promise<Round> => {
  const before = cpuOf(target)
  const startMs = performance.now()
  const requests = hasWrk ? await wrk(target, seconds) : await cannon(target, seconds)
  if (!(requests > 0)) throw new Error(`${target.name} answered nothing`)
  const spent = cpuOf(target) - before
  const wallSeconds = hasWrk ? seconds : (performance.now() - startMs) / 1_000
  return {
    requestsPerSecond: requests / wallSeconds,
    cpuSecondsPer10k: (spent / requests) * 10_000,
  }
}

const cpuOf = ({ pid }: Target): number => (pid === undefined ? Number.NaN : treeCpuSeconds(pid))

const roundRobin = new URL('./round-robin.lua', import.meta.url).pathname

const wrk = async (target: Target, seconds: number): Promise<number> => {
  const { url, headers, cookies } = target
  const lines = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, ...lines]
  if (cookies === undefined) return requestsOf(target, (await run('wrk', [...args, url])).stdout)
  const dir = await mkdtemp(join(tmpdir(), 'latchkey-bench-cookies-'))
  try {
    const file = join(dir, 'cookies')
    await writeFile(file, cookies.join('\n'))
    const { stdout } = await run('wrk', [...args, '-s', roundRobin, url, '--', file])
    return requestsOf(target, stdout)
  } finally {
    await rm(dir, { recursive: true, force: true })
  }
}

const requestsOf = ({ name }: Target, printed: string): number => {
  if (/Non-2xx|Socket errors/.test(printed))
    throw new Error(`not every answer of ${name} was 2xx:\n${printed}`)
  return Number(/(\d+) requests in/.exec(printed)?.[1] ?? 'NaN')
}

const cannon = async (target: Target, seconds: number): Promise<number> => {
  const { name, url, headers, cookies } = target
  const requests = cookies?.map((cookie) => ({ headers: { ...headers, cookie } }))
  const result = await autocannon({
    url,
    headers: { ...headers },
    connections,
    duration: seconds,
    ...(requests && { requests }),
  })
  const failed = result.non2xx + result.errors
  if (failed > 0) throw new Error(`${failed} answers of ${name} were not 2xx`)
  return result['2xx']
}
