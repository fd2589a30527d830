import { setImmediate as turn } from 'node:timers/promises'
import { Pool } from 'undici'
import { percentile } from '../measure/numbers.ts'

/**
 * Sends at a constant rate whatever the answers do, and takes each time from the moment the request was due: a server that
 * stands still for 100 ms is charged for every request that waited (no coordinated omission).
 */
export type OpenLoop = {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly perSecond: number
  readonly seconds: number
  /** Sent before, at the same rate, and not counted: this client's own code and connections are cold at first. */
  readonly warmUpSeconds: number
  readonly connections: number
}

export type Latencies = {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly worstMs: number
  /** How late the requests left this client: its own share of the times above. */
  readonly lateP99Ms: number
  readonly failed: number
  readonly answered: number
}

const run = async (plan: OpenLoop): Promise<Latencies> => {
  const url = new URL(plan.url)
  const pool = new Pool(url.origin, { connections: plan.connections, pipelining: 1 })
  const times: number[] = []
  const late: number[] = []
  let failed = 0
  const call = async (dueMs: number): Promise<void> => {
    const lateMs = performance.now() - dueMs
    const answer = await pool.request({ path: url.pathname, method: 'GET', headers: plan.headers })
    await answer.body.dump()
    if (answer.statusCode !== 200) failed += 1
    if (dueMs < countedFromMs) return
    late.push(lateMs)
    times.push(performance.now() - dueMs)
  }
  const startMs = performance.now() + 10
  const countedFromMs = startMs + plan.warmUpSeconds * 1_000
  const total = plan.perSecond * (plan.warmUpSeconds + plan.seconds)
  const calls: Promise<void>[] = []
  while (calls.length < total) {
    const due = Math.floor(((performance.now() - startMs) * plan.perSecond) / 1_000)
    while (calls.length < Math.min(due, total))
      calls.push(
        call(startMs + (calls.length * 1_000) / plan.perSecond).catch(() => void (failed += 1)),
      )
    // A timer is late by a millisecond and more; this takes one core, and sends when it is due.
    await turn()
  }
  await Promise.all(calls)
  await pool.close()
  return {
    p50Ms: percentile(times, 0.5),
    p99Ms: percentile(times, 0.99),
    worstMs: percentile(times, 1),
    lateP99Ms: percentile(late, 0.99),
    failed,
    answered: times.length,
  }
}

// Our own bench wrote the argument.
const plan = JSON.parse(process.argv[2] ?? '') as OpenLoop
process.stdout.write(`${JSON.stringify(await run(plan))}\n`)
