import { execFile, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import autocannon from 'autocannon'

const run = promisify(execFile)

export type Round = {
  readonly requestsPerSecond: number
  /** CPU seconds of the measured process per 10,000 requests. */
  readonly cpuSecondsPer10k: number
}

export type Target = {
  readonly url: string
  readonly pid: number
  readonly headers: Readonly<Record<string, string>>
}

const connections = 32
const hasWrk = spawnSync('wrk', ['--version']).error === undefined

/** Which tool makes the load. */
export const loadTool = hasWrk ? 'wrk' : 'autocannon'

/** One round of load on one target, with what it cost the process under test. */
export const loadRound = async (target: Target, seconds: number): Promise<Round> => {
  const before = cpuSeconds(target.pid)
  const requestsPerSecond = hasWrk ? await wrk(target, seconds) : await cannon(target, seconds)
  if (!(requestsPerSecond > 0)) throw new Error(`${target.url} answered nothing`)
  const spent = cpuSeconds(target.pid) - before
  return { requestsPerSecond, cpuSecondsPer10k: (spent / (requestsPerSecond * seconds)) * 10_000 }
}

const wrk = async ({ url, headers }: Target, seconds: number): Promise<number> => {
  const lines = Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`])
  const { stdout } = await run('wrk', ['-t1', `-c${connections}`, `-d${seconds}s`, ...lines, url])
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(`not every answer was 2xx:\n${stdout}`)
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 'NaN')
}

const cannon = async ({ url, headers }: Target, seconds: number): Promise<number> => {
  const result = await autocannon({ url, headers: { ...headers }, connections, duration: seconds })
  if (result.non2xx > 0) throw new Error(`${result.non2xx} answers were not 2xx`)
  return result.requests.average
}

const clockTicksPerSecond = 100

/** User and system time of a process so far (proc(5), fields 14 and 15 of stat). */
const cpuSeconds = (pid: number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) / clockTicksPerSecond
}
