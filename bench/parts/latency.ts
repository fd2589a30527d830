import type { Latencies, OpenLoop } from '../clients/open-loop.ts'
import type { Findings, Part } from '../findings.ts'
import { connections, loadRound } from '../measure/load.ts'
import type { Target } from '../measure/load.ts'
import { median } from '../measure/numbers.ts'
import type { Pace } from '../findings.ts'
import { startChild } from '../world/children.ts'
import { withEnding } from '../world/ending.ts'
import { brokerAndBare } from '../world/world.ts'

const perSecond = 1_000
const client = new URL('../clients/open-loop.ts', import.meta.url).pathname

/** How long calls take at a constant rate. */
export const latency: Part = {
  name: 'latency',
  title: `Latency at ${perSecond.toLocaleString('en')} requests/s`,
  run: (pace) =>
    withEnding(async (t) => {
      const { bare, broker } = await brokerAndBare(t)
      return findings(await rounds([bare, broker], pace), [bare, broker])
    }),
}

type Rounds = ReadonlyMap<Target, readonly Latencies[]>

const rounds = async (targets: readonly Target[], pace: Pace): Promise<Rounds> => {
  const results = new Map<Target, Latencies[]>(targets.map((target) => [target, []]))
  for (const target of targets) await loadRound(target, 3)
  for (let i = 0; i < pace.rounds; i += 1)
    for (const target of i % 2 === 0 ? targets : targets.toReversed()) {
      const found = await openLoop(target, pace.seconds)
      results.get(target)?.push(found)
      pace.say(`round ${i + 1}, ${target.name}: p99 ${found.p99Ms.toFixed(2)} ms`)
    }
  return results
}

/** One round in a process of its own, so that nothing the bench does adds to the times. */
const openLoop = async (target: Target, seconds: number): Promise<Latencies> => {
  const { url, headers } = target
  const rate = { perSecond, seconds, warmUpSeconds: 1 }
  const plan: OpenLoop = { url, headers, ...rate, connections: 2 * connections }
  const child = startChild(process.execPath, [client, JSON.stringify(plan)])
  // Our own client wrote the line.
  const found = JSON.parse(await child.line(/^\{/)) as Latencies
  await child.end()
  if (found.failed > 0) throw new Error(`${found.failed} calls of ${target.name} failed`)
  return found
}

const figures = [
  ['p50Ms', 'p50'],
  ['p99Ms', 'p99'],
  ['worstMs', 'worst'],
  ['lateP99Ms', "client's own delay, p99"],
] as const

const findings = (results: Rounds, [bare, broker]: readonly [Target, Target]): Findings => {
  const of = (target: Target, figure: (typeof figures)[number][0]) =>
    median((results.get(target) ?? []).map((round) => round[figure]))
  const rows = [bare, broker].map((target) => [
    target.name,
    ...figures.map(([figure]) => `${of(target, figure).toFixed(2)} ms`),
  ])
  return {
    about:
      'An open loop in a process of its own sends at a constant rate and takes each time from the moment the request was due, so that a wait is charged to every request that waited.',
    tables: [{ head: ['', ...figures.map(([, title]) => title)], rows }],
    goals: [
      {
        text: "p99 above the bare proxy's",
        bound: 'at most',
        limit: 2,
        measured: of(broker, 'p99Ms') - of(bare, 'p99Ms'),
        unit: 'ms',
        digits: 2,
      },
    ],
  }
}
